import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { systemClock } from '@cashews/core'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'
import { Checkpointer } from '../src/files/checkpointer.ts'
import { Log } from '../src/files/log.ts'
import { ShardFile } from '../src/files/shard-file.ts'
import { divide } from '../src/upkeep/room.ts'

const directory = freshDirectory(afterAll)
const room = divide(8 * 1024 ** 2)
let files = 0

function openFile(): ShardFile {
  const path = join(directory, `${++files}.db`)
  return new ShardFile(path, { room, synchronous: 'OFF', clock: systemClock })
}

afterEach(() => {
  vi.restoreAllMocks()
})

it('tells with the code of SQLite why a log could not be copied', async () => {
  const checkpointer = new Checkpointer('OFF')
  const copied = checkpointer.copy(join(directory, 'nowhere.db'), 'PASSIVE')
  await expect(copied).rejects.toMatchObject({ code: 'SQLITE_CANTOPEN' })
  await checkpointer.close()
})

// SQLite copies a log, and removes it, when the last connection closes; two that close at the same time see each other.
describe('of the two connections to a file', () => {
  it('this thread closes its own before the copying thread is asked to', async () => {
    const file = openFile()
    const checkpointer = new Checkpointer('OFF')
    const log = new Log(file, room, checkpointer, () => {})
    await log.copy('PASSIVE')
    const release = checkpointer.release.bind(checkpointer)
    let isOpen: boolean | undefined
    vi.spyOn(checkpointer, 'release').mockImplementation((path) => {
      isOpen = file.isOpen
      expect(existsSync(`${path}-wal`)).toBe(true)
      return release(path)
    })
    await log.close()
    expect(isOpen).toBe(false)
    expect(existsSync(`${file.path}-wal`)).toBe(false)
    await checkpointer.close()
  })

  it('the copying thread has closed its own before it is ended', async () => {
    const file = openFile()
    const checkpointer = new Checkpointer('OFF')
    await checkpointer.copy(file.path, 'PASSIVE')
    file.close()
    expect(existsSync(`${file.path}-wal`)).toBe(true)
    const { terminate } = Worker.prototype
    let isLeft: boolean | undefined
    vi.spyOn(Worker.prototype, 'terminate').mockImplementation(function (this: Worker) {
      isLeft = existsSync(`${file.path}-wal`)
      return terminate.call(this)
    })
    await checkpointer.close()
    expect(isLeft).toBe(false)
  })
})
