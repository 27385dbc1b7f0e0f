import { disk } from '@cashews/backend-disk'
import { type BackendHost, MISS } from '@cashews/core'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'
import { ShardFile } from '../src/files/shard-file.ts'

const rights = vi.hoisted(() => ({ mayRename: true }))

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const renameSync = (...args: Parameters<typeof fs.renameSync>) => {
    if (!rights.mayRename) throw Object.assign(new Error('permission denied'), { code: 'EACCES' })
    fs.renameSync(...args)
  }
  return { ...fs, renameSync }
})

const damaged = (): never => {
  throw Object.assign(new Error('database disk image is malformed'), { code: 'SQLITE_CORRUPT' })
}

async function open(checkInterval: false | '5ms') {
  const error = vi.fn<BackendHost['error']>()
  const store = disk({ directory: freshDirectory(), shards: 1, checkInterval })
  await store.open({ removed() {}, error })
  onTestFinished(async () => {
    await store.close()
  })
  rights.mayRename = false
  return { store, error }
}

describe('a damaged file that this user may not put aside', () => {
  afterEach(() => {
    rights.mayRename = true
    vi.restoreAllMocks()
  })
  const isClear = expect.objectContaining({
    code: 'CASHEWS_BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/^Cannot keep a disk cache in .*\.db: this user may not read and write there/),
  })

  it('counts as unavailable', async () => {
    const { store } = await open(false)
    vi.spyOn(ShardFile.prototype, 'find').mockImplementation(damaged)
    await expect((async () => store.get('key'))()).rejects.toEqual(isClear)
  })

  it('is reported when it is found out beside all commands, and ends no process', async () => {
    const uncaught = vi.fn()
    process.setUncaughtExceptionCaptureCallback(uncaught)
    onTestFinished(() => process.setUncaughtExceptionCaptureCallback(null))
    const { error } = await open('5ms')
    vi.spyOn(ShardFile.prototype, 'pages').mockImplementation(damaged)
    await expect.poll(() => error.mock.calls.length + uncaught.mock.calls.length).toBeGreaterThan(0)
    expect(uncaught).not.toHaveBeenCalled()
    expect(error).toHaveBeenCalledWith(isClear)
  })
})

it('a file that is damaged however often it is begun anew counts as unavailable', async () => {
  const { store, error } = await open(false)
  rights.mayRename = true
  vi.spyOn(ShardFile.prototype, 'find').mockImplementation(damaged)
  await expect((async () => store.get('key'))()).rejects.toMatchObject({ code: 'CASHEWS_BACKEND_UNAVAILABLE' })
  expect(error).toHaveBeenCalledTimes(4)
  vi.restoreAllMocks()
  expect(await store.get('key')).toBe(MISS)
})
