import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { type DiskBackend, disk } from '@cashews/backend-disk'
import { BackendUnavailableError } from '@cashews/core'
import Sqlite from 'better-sqlite3'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { filesOf } from '../../../tests/src/support/disk/directories.ts'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'

afterEach(() => vi.useRealTimers())

const parent = freshDirectory(afterAll)
let directories = 0

/** The files of a directory that this process has open. */
function openIn(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(join('/proc/self/fd', descriptor))
      return path.startsWith(directory) ? [path] : []
    } catch {
      return [] // The one by which the list is read.
    }
  })
}

/** A store of two files, and enough in them for several turns of the event loop. */
async function filled(): Promise<DiskBackend> {
  const store = disk({ directory: join(parent, String(++directories)), shards: 2 })
  await store.open({ removed() {}, error() {} })
  await store.setMany(
    Array.from({ length: 2_000 }, (_, at) => [`key:${at}`, at] as const),
    60_000,
  )
  return store
}

async function goThrough(store: DiskBackend): Promise<void> {
  for await (const _ of store.scan('*', 10));
}

describe.runIf(existsSync('/proc/self/fd'))('a store that is closed', () => {
  it.each<[name: string, remove: (store: DiskBackend) => unknown]>([
    ['clear', (store) => store.clear()],
    ['deleteMatch', (store) => store.deleteMatch('key:*')],
    ['deleteMany', (store) => store.deleteMany(Array.from({ length: 2_000 }, (_, at) => `key:${at}`))],
  ])('lets %s end, and has no file open then', async (_, remove) => {
    // Closing waits for half a second at most, which a busy machine may need.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const store = await filled()
    const removed = remove(store)
    await store.close()
    await removed
    expect(openIn(store.directory)).toEqual([])
    await store.open({ removed() {}, error() {} })
    expect(await store.count()).toBe(0)
    await store.close()
  })

  it('lets deleteMatch end, though other processes keep it from each of its first steps', async () => {
    const store = await filled()
    const holders = filesOf(store.directory, '.db').map((path) => new Sqlite(path))
    for (const holder of holders) holder.exec('BEGIN IMMEDIATE')
    const removed = store.deleteMatch('key:*')
    const closed = store.close()
    for (const holder of holders) {
      holder.close()
      await pass(40)
    }
    expect(await removed).toBe(2_000)
    await closed
    expect(openIn(store.directory)).toEqual([])
  })

  it.each<[name: string, begin: (store: DiskBackend) => unknown]>([
    ['count', (store) => store.count()],
    ['scan', goThrough],
    ['set of a large value', (store) => store.set('large', 'x'.repeat(5_000_000), 60_000)],
  ])('gives up %s, and opens no file again', async (_, begin) => {
    const store = await filled()
    const given = expect(begin(store)).rejects.toThrow(BackendUnavailableError)
    await store.close()
    await given
    expect(openIn(store.directory)).toEqual([])
  })
})
