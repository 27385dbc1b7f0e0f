import { setTimeout as pass } from 'node:timers/promises'
import { type DiskBackend, disk } from '@cashews/backend-disk'
import { createCache } from '@cashews/core'
import Sqlite from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { filesOf } from '../../../tests/src/support/disk/directories.ts'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'

const HURRIED = { readTimeout: '50ms', writeTimeout: '50ms', suppress: false } as const
const SLOW = { readTimeout: '10s', writeTimeout: '10s', suppress: false } as const

function oneStore(shards = 1): DiskBackend {
  return disk({ directory: freshDirectory(), shards, timeout: '10s' })
}

/** Locks the file of a store as another process would. Returns a function that unlocks it. */
function locked(store: DiskBackend): () => void {
  const holder = new Sqlite(filesOf(store.directory, '.db')[0] as string)
  onTestFinished(() => void holder.close())
  holder.exec('BEGIN IMMEDIATE')
  return () => void holder.exec('COMMIT')
}

describe('two caches on one store', () => {
  it.each([1, 8])('of which one is closed: the other goes on, with %i shards', async (shards) => {
    const store = oneStore(shards)
    const closed = createCache().setup(store, SLOW)
    await using other = createCache().setup(store, SLOW)
    for (const cache of [closed, other]) expect(await cache.set('key', 1)).toBe(true)
    await closed.close()
    expect(await other.set('key', 2)).toBe(true)
    expect(await other.get('key')).toBe(2)
    const keys = Array.from({ length: 30 }, (_, at) => `key:${at}`)
    await other.setMany(keys.map((key) => [key, 1] as const))
    expect(await other.getMany(keys)).toEqual(keys.map(() => 1))
  })

  it('leave the patient one its time to write a value, whichever was set up last', async () => {
    const store = oneStore()
    createCache().setup(store, HURRIED)
    await using patient = createCache().setup(store, SLOW)
    createCache().setup(store, HURRIED)
    await patient.set('key', 'old')
    const unlock = locked(store)
    const written = patient.set('key', 'new')
    await pass(200)
    unlock()
    expect(await written).toBe(true)
    expect(await patient.get('key')).toBe('new')
  })

  it('leave the patient one its time to write the parts of a large value', async () => {
    const store = oneStore()
    await using patient = createCache().setup(store, SLOW)
    createCache().setup(store, HURRIED)
    await patient.init()
    const value = 'x'.repeat(1_000_000)
    const written = patient.set('key', value)
    const unlock = locked(store) // before the first part
    await pass(200)
    unlock()
    expect(await written).toBe(true)
    expect(await patient.get('key')).toBe(value)
  })

  it.each([
    ['a value', 'late'],
    ['a large value', 'x'.repeat(1_000_000)],
  ])('write %s never after the hurried one was told that it failed, whichever was set up last', async (_, value) => {
    const store = oneStore()
    createCache().setup(store, SLOW)
    await using hurried = createCache().setup(store, HURRIED)
    await using patient = createCache().setup(store, SLOW)
    await hurried.set('key', 'old')
    const unlock = locked(store)
    const written = hurried.set('key', value)
    await expect(written).rejects.toThrow()
    unlock()
    await patient.set('other', 1) // after whatever waited for the lock
    expect(await patient.get('key')).toBe('old')
  })
})

it('a store that is opened while it is being closed is open', async () => {
  const store = oneStore(8)
  const host = { removed() {}, error() {} }
  const entries = Array.from({ length: 30 }, (_, at) => [`key:${at}`, at] as const)
  await store.open(host)
  const closed = store.close()
  await store.open(host)
  await closed
  await store.setMany(entries, 60_000)
  expect(await store.getMany(entries.map(([key]) => key))).toEqual(entries.map(([, at]) => at))
  await store.close()
})
