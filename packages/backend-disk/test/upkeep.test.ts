import { readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { type DiskOptions, disk } from '@cashews/backend-disk'
import {
  type BackendHost,
  type Bits,
  CommandError,
  createCache,
  type Leases,
  MISS,
  type Snapshot,
  systemClock,
} from '@cashews/core'
import Sqlite from 'better-sqlite3'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { bytesOnDisk, filesOf } from '../../../tests/src/support/disk/directories.ts'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'
import { NoRoomError } from '../src/errors.ts'
import { Checkpointer } from '../src/files/checkpointer.ts'
import { ShardFile } from '../src/files/shard-file.ts'
import { divide } from '../src/upkeep/room.ts'

const parent = freshDirectory(afterAll)
const HOUR = 3_600_000

let directories = 0
let removed: [key: string, reason: string][] = []
let errors: string[] = []
const opened: { close(): unknown }[] = []
const host: BackendHost = {
  removed: (key, reason) => void removed.push([key, reason]),
  error: (error) => void errors.push(String(error)),
}

async function open(options: DiskOptions = {}) {
  const store = disk({ directory: join(parent, String(++directories)), shards: 1, ...options })
  removed = []
  errors = []
  await store.open(host)
  opened.push(store)
  return store
}

afterEach(async () => {
  vi.restoreAllMocks()
  for (const store of opened.splice(0)) await store.close()
})

describe('a store that is full', () => {
  it('drops what was not used for long, tells it, and stays within its limit', async () => {
    const clock = { time: Date.now(), now: () => clock.time }
    const sizeLimit = 1024 ** 2
    const store = await open({ sizeLimit, clock, checkInterval: false })
    for (let at = 0; at < 600; at++) {
      clock.time += 50
      expect(await store.set(`page:${at}`, 'x'.repeat(4_000), HOUR)).toBe(true)
      if (at < 5) await store.set(`hot:${at}`, at, HOUR)
      for (let hot = 0; hot < 5; hot++) await store.get(`hot:${hot}`)
    }
    const hot = await store.getMany([0, 1, 2, 3, 4].map((at) => `hot:${at}`))
    expect(hot.filter((value) => value !== MISS).length).toBeGreaterThanOrEqual(4)
    expect(bytesOnDisk(store.directory)).toBeLessThan(1.1 * sizeLimit)
    expect(removed.length).toBeGreaterThan(300)
    expect(new Set(removed.map(([, reason]) => reason))).toEqual(new Set(['evicted']))
    expect(await store.get(removed[0]?.[0] as string)).toBe(MISS)
    expect(await store.get('page:599')).toBe('x'.repeat(4_000))
  })

  it('keeps bits that are read, as those of a filter are long after they were written', async () => {
    const clock = { time: Date.now(), now: () => clock.time }
    const store = await open({ sizeLimit: 1024 ** 2, clock, checkInterval: false })
    const bits = store.bits as Bits
    const filters = [0, 1, 2, 3, 4].map((at) => `filter:${at}`)
    for (const filter of filters) await bits.incr(filter, [1], 1, 1)
    for (let at = 0; at < 600; at++) {
      clock.time += 50
      await store.set(`page:${at}`, 'x'.repeat(4_000), HOUR)
      for (const filter of filters) await bits.get(filter, [1], 1)
    }
    const read = filters.map((filter) => bits.get(filter, [1], 1))
    expect((await Promise.all(read)).flat().filter((bit) => bit === 1).length).toBeGreaterThanOrEqual(4)
    expect(removed.length).toBeGreaterThan(300)
  })

  it('notes which keys were read before they are too many to remember, even without regular upkeep', async () => {
    const clock = { time: Date.now(), now: () => clock.time }
    const store = await open({ sizeLimit: 4 * 1024 ** 2, clock, checkInterval: false })
    for (let at = 0; at < 420; at++) await store.set(`page:${at}`, 'x'.repeat(4_000), HOUR)
    const keys = Array.from({ length: 10_000 }, (_, at) => `key:${at}`)
    await store.setMany(
      keys.map((key) => [key, 1]),
      HOUR,
    )
    clock.time += 1_000
    for (const key of keys) await store.get(key)
    const file = new Sqlite(filesOf(store.directory, '.db')[0] as string)
    const noted = file.prepare('SELECT count(*) FROM entries WHERE used_at = ?').pluck()
    await vi.waitFor(() => expect(noted.get(clock.time)).toBe(keys.length), { timeout: 10_000 })
    expect(removed).toEqual([])
    file.close()
  })

  it('stays within its limit while it is written to without a pause', async () => {
    const sizeLimit = 8 * 1024 ** 2
    const store = await open({ sizeLimit, checkInterval: false })
    let most = 0
    for (let at = 0; at < 6_000; at++) {
      expect(await store.set(`page:${at % 5_000}`, 'x'.repeat(4_000), HOUR)).toBe(true)
      if (at % 50 === 0) most = Math.max(most, bytesOnDisk(store.directory))
    }
    expect(most).toBeLessThan(1.1 * sizeLimit)
  })

  it('drops no key while there is room left of what was replaced', async () => {
    const store = await open({ sizeLimit: 8 * 1024 ** 2, checkInterval: false })
    const keys = Array.from({ length: 100 }, (_, at) => `key:${at}`)
    for (const key of keys) await store.set(key, key, HOUR)
    for (let time = 0; time < 60; time++)
      expect(await store.set('large', Buffer.alloc(1_000_000, time), HOUR)).toBe(true)
    expect(removed).toEqual([])
    expect(await store.getMany(keys)).toEqual(keys)
    expect(await store.get('large')).toEqual(Buffer.alloc(1_000_000, 59))
    expect(errors).toEqual([])
  })

  it('waits for another process that writes while room is made', async () => {
    const store = await open({ sizeLimit: 1024 ** 2, checkInterval: false, timeout: '20s' })
    const { copy } = Checkpointer.prototype
    let locks = 0
    let other: Sqlite.Database | undefined
    vi.spyOn(Checkpointer.prototype, 'copy').mockImplementation(async function (this: Checkpointer, path, mode) {
      const copied = await copy.call(this, path, mode)
      if (mode === 'RESTART' && !other) {
        const file = new Sqlite(path)
        file.exec('BEGIN IMMEDIATE')
        locks++
        other = file
        setTimeout(() => {
          file.close()
          other = undefined
        }, 10)
      }
      return copied
    })
    for (let at = 0; at < 400; at++) await store.set(`page:${at}`, 'x'.repeat(4_000), HOUR)
    vi.restoreAllMocks()
    expect(locks).toBeGreaterThan(0)
    expect(await store.set('after', 1, HOUR)).toBe(true)
    expect(await store.get('after')).toBe(1)
  })

  it('refuses a value that no shard has room for, and gives up the one it would have replaced', async () => {
    const store = await open({ sizeLimit: 1024 ** 2 })
    await store.set('key', 'small', HOUR)
    expect(await store.set('key', Buffer.alloc(900_000), HOUR)).toBe(false)
    expect(await store.get('key')).toBe(MISS)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/the maximum is/)
  })

  it('gives up what many values would have replaced when it refuses them together', async () => {
    const store = await open({ checkInterval: false })
    await store.setMany(Object.entries({ first: 'old', second: 'old', other: 'kept' }), HOUR)
    vi.spyOn(ShardFile.prototype, 'put').mockImplementation(() => {
      throw new NoRoomError('No room.')
    })
    await store.setMany(Object.entries({ first: 'new', second: 'new' }), HOUR)
    vi.restoreAllMocks()
    expect(await store.getMany(['first', 'second', 'other'])).toEqual([MISS, MISS, 'kept'])
    expect(errors).toEqual([expect.stringMatching(/No room/)])
  })
})

describe('somebody who reads an old state', () => {
  it('leaves writers alone while there is room; then they are refused, until he is done', async () => {
    const sizeLimit = 1024 ** 2
    const store = await open({ sizeLimit, checkInterval: false, timeout: '20s' })
    await store.set('key', 1, HOUR)
    const reader = new Sqlite(filesOf(store.directory, '.db')[0])
    reader.exec('BEGIN')
    reader.prepare('SELECT * FROM entries').all()
    const page = 'x'.repeat(4_000)
    let written = 0
    while (written < 1_000 && (await store.set(`page:${written}`, page, HOUR))) written++
    expect(written).toBeGreaterThan(40)
    expect(written).toBeLessThan(1_000)
    expect(bytesOnDisk(store.directory)).toBeLessThan(1.2 * sizeLimit)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/a reader holds an old snapshot/)
    expect(await store.get('page:1')).toBe(page)
    expect(await store.delete('page:1')).toBe(true)
    expect(await store.get('page:1')).toBe(MISS)
    const writer = new Sqlite(filesOf(store.directory, '.db')[0])
    writer.exec('BEGIN IMMEDIATE')
    setTimeout(() => writer.close(), 20)
    expect(await store.delete('page:2')).toBe(true)
    reader.close()
    await expect.poll(() => store.set('after', 1, HOUR)).toBe(true)
  })
})

describe('an entry that is over', () => {
  const sweeping = async () => {
    const clock = { time: Date.now(), now: () => clock.time }
    return { clock, store: await open({ clock, checkInterval: '5ms' }) }
  }
  const swept = async (keys: readonly string[]) => {
    await expect.poll(() => removed.map(([key]) => key).sort()).toEqual(keys)
  }

  it('is swept and told, and those that are not stay', async () => {
    const { clock, store } = await sweeping()
    await store.set('short', 1, 1_000)
    await store.set('long', 1, HOUR)
    await store.set('for ever', 1, Number.POSITIVE_INFINITY)
    clock.time += 2_000
    await swept(['short'])
    expect(removed).toEqual([['short', 'expired']])
    expect(await store.count()).toBe(2)
  })

  it('is swept at the end it has, when a write put it off, took it back, or took it away', async () => {
    const { clock, store } = await sweeping()
    await store.set('put off', 1, 1_000)
    await store.set('put off', 2, 10_000)
    await store.set('sooner', 1, HOUR)
    await store.set('sooner', 2, 1_000)
    await store.set('taken away', 1, 1_000)
    await store.set('taken away', 2, Number.POSITIVE_INFINITY)
    await store.set('given', 1, Number.POSITIVE_INFINITY)
    await store.expire('given', 1_000)
    clock.time += 2_000
    await swept(['given', 'sooner'])
    expect(await store.get('put off')).toBe(2)
    clock.time += 10_000
    await swept(['given', 'put off', 'sooner'])
    expect(await store.get('taken away')).toBe(2)
  })
})

it('a directory that goes while a file is opened is what SQLite calls it, an error of the store', () => {
  const settings = { room: divide(1024 ** 2), synchronous: 'OFF', clock: systemClock } as const
  expect(() => new ShardFile(join(parent, 'gone', 'file.db'), settings)).toThrow(
    expect.objectContaining({ code: 'SQLITE_CANTOPEN' }),
  )
})

describe('closing', () => {
  it('copies what is left of the logs into the files, and leaves no log', async () => {
    const store = await open({ shards: 2 })
    // More than what begins a copy beside the event loop, so that its thread has the files open too.
    for (let at = 0; at < 400; at++) await store.set(`key:${at}`, 'x'.repeat(1_000), HOUR)
    await store.close()
    expect(filesOf(store.directory, '-wal')).toEqual([])
    const rows = filesOf(store.directory, '.db').map((path) => {
      const file = new Sqlite(path)
      const { count } = file.prepare('SELECT count(*) AS count FROM entries').get() as { count: number }
      file.close()
      return count
    })
    expect(rows.reduce((sum, count) => sum + count)).toBe(400)
  })

  it('waits for the thread that copies the logs', async () => {
    const store = await open({ checkInterval: false })
    const fill = async (name: string) => {
      for (let at = 0; at < 25; at++) await store.set(`${name}:${at}`, 'x'.repeat(100_000), HOUR)
    }
    await fill('first')
    const [path] = filesOf(store.directory, '.db') as [string]
    await expect.poll(() => statSync(path).size).toBeGreaterThan(1024 ** 2)
    await fill('second')
    await store.close()
    expect(filesOf(store.directory, '-wal')).toEqual([])
  })

  it('may be done twice, and undone', async () => {
    const store = await open()
    await store.set('key', 1, HOUR)
    await store.close()
    await store.close()
    await store.open(host)
    expect(await store.get('key')).toBe(1)
  })
})

describe('a file that cannot be used', () => {
  it('is given up when nothing can be written to it, as with a quota used up, rather than answer what was deleted', async () => {
    const store = await open({ checkInterval: false })
    await store.set('key', 1, HOUR)
    const { commit } = ShardFile.prototype
    let broken: ShardFile | undefined
    vi.spyOn(ShardFile.prototype, 'commit').mockImplementation(function (this: ShardFile) {
      broken ??= this
      if (broken === this) throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_WRITE' })
      commit.call(this)
    })
    await store.delete('key')
    vi.restoreAllMocks()
    expect(await store.get('key')).toBe(MISS)
    expect(errors).toEqual([expect.stringMatching(/db: disk I\/O error; the file was given up to remove a key\.$/)])
    expect(await store.set('key', 2, HOUR)).toBe(true)
  })

  it.each([
    ['garbage', (path: string) => writeFileSync(path, 'garbage'.repeat(1_000))],
    [
      'of another format',
      (path: string) => {
        const file = new Sqlite(path)
        file.pragma('user_version = 99')
        file.close()
      },
    ],
    [
      'of another application',
      (path: string) => {
        writeFileSync(path, '')
        const file = new Sqlite(path)
        file.exec('CREATE TABLE theirs (a)')
        file.close()
      },
    ],
  ])('is put aside, told, and replaced: %s', async (_, spoil) => {
    const before = await open()
    await before.set('key', 1, HOUR)
    await before.close()
    for (const path of filesOf(before.directory, '.db')) spoil(path)
    const after = await open({ directory: before.directory })
    expect(await after.get('key')).toBe(MISS)
    expect(await after.set('key', 2, HOUR)).toBe(true)
    expect(await after.get('key')).toBe(2)
    expect(readdirSync(before.directory).filter((name) => /corrupt-\d+$/.test(name))).toHaveLength(1)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/it is kept as .*corrupt-\d+, and a new one was started/)
  })

  it('is told once, not at every check, when nobody can look for it any more', async () => {
    const store = await open({ checkInterval: '5ms' })
    const { directory } = store
    renameSync(directory, `${directory}-moved`)
    symlinkSync(directory, directory)
    const checks = vi.spyOn(ShardFile.prototype, 'isInPlace')
    await expect.poll(() => checks.mock.calls.length).toBeGreaterThan(3)
    rmSync(directory)
    renameSync(`${directory}-moved`, directory)
    expect(errors).toEqual([expect.stringContaining('ELOOP')])
    await store.set('key', 1, HOUR)
    expect(await store.get('key')).toBe(1)
  })

  it('is none that another version of the program writes: their format is in their names', async () => {
    const before = await open()
    await before.set('key', 1, HOUR)
    await before.close()
    const [path] = filesOf(before.directory, '.db') as [string]
    const file = new Sqlite(path)
    const format = Number(file.pragma('user_version', { simple: true }))
    file.close()
    expect(path).toContain(`-v${format}-`)
    const theirs = path.replace(`-v${format}-`, `-v${format + 1}-`)
    writeFileSync(theirs, 'theirs')
    const after = await open({ directory: before.directory })
    expect(await after.get('key')).toBe(1)
    expect(readFileSync(theirs, 'utf8')).toBe('theirs')
    expect(errors).toEqual([])
  })

  it('is put aside when a value in it is not the one that was written', async () => {
    const store = await open()
    await store.set('key', { a: 'written' }, HOUR)
    const [path] = filesOf(store.directory, '.db') as [string]
    const file = new Sqlite(path)
    file.prepare('UPDATE entries SET value = ?').run('{"a":"changed"}')
    file.close()
    expect(store.getNow?.('key')).toBe(MISS)
    expect(await store.get('key')).toBe(MISS)
    expect(errors[0]).toMatch(/the value of "key" is not the one that was written/)
    expect(await store.set('key', 1, HOUR)).toBe(true)
  })
})

it('refuses a key or a member with half a character, alone and among many: it would be that of another', async () => {
  const store = await open()
  await store.set('half \ufffd', 1, HOUR)
  const half = 'half \ud800'
  const uses = [
    () => store.get(half),
    () => store.getNow?.(half),
    () => store.getMany(['none', half]),
    () => store.set(half, 2, HOUR),
    () => store.setMany([[half, 2]], HOUR),
    () => store.delete(half),
    () => store.locks && store.locks.acquire(half, 'me', HOUR),
    () => store.sets && store.sets.add('set', [half]),
  ]
  for (const use of uses) await expect((async () => use())()).rejects.toThrow(CommandError)
  expect(await store.getMany(['half \ufffd', 'set'])).toEqual([1, MISS])
})

it('clears the timer of a write to a locked file that has failed', async () => {
  const store = await open({ timeout: '50ms' })
  await using cache = createCache({ onError: () => {} }).setup(store, { writeTimeout: '1h' })
  await cache.set('key', 0)
  const holder = new Sqlite(filesOf(store.directory, '.db')[0] as string)
  const [begun, cleared] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')]
  holder.exec('BEGIN IMMEDIATE')
  expect(await cache.set('key', 1)).toBe(false)
  holder.close()
  const timers = begun.mock.results.map(({ value }) => value as NodeJS.Timeout)
  const holding = timers.filter((timer, at) => timer.hasRef() && (begun.mock.calls[at]?.[1] ?? 0) > 60_000)
  expect(holding).not.toHaveLength(0)
  for (const timer of holding) expect(cleared).toHaveBeenCalledWith(timer)
})

it('writes nothing once the caller was told that it failed, for it would undo what he did since; removals are late at most', async () => {
  const store = await open({ timeout: '5s' })
  await using cache = createCache().setup(store, { writeTimeout: '100ms' })
  await cache.setMany({ key: 0, gone: 0 })
  const holder = new Sqlite(filesOf(store.directory, '.db')[0] as string)
  holder.exec('BEGIN IMMEDIATE')
  const writes = [
    store.set('key', 1, HOUR),
    store.set('key', 1, HOUR, true),
    store.setMany([['key', 1]], HOUR),
    store.incr('key', 1, HOUR),
    store.setRaw('key', await store.getRaw('gone'), HOUR),
  ]
  const written = Promise.allSettled(writes)
  const removed = store.delete('gone')
  await pass(120)
  holder.exec('COMMIT')
  holder.close()
  for (const write of await written) {
    expect(write).toMatchObject({ status: 'rejected', reason: { code: 'CASHEWS_BACKEND_UNAVAILABLE' } })
  }
  expect(await removed).toBe(true)
  expect(await store.getMany(['key', 'gone'])).toEqual([0, MISS])
})

it('writes what took longer to encode than a write may take', async () => {
  const rest = new Int32Array(new SharedArrayBuffer(4))
  const codec = { encode: () => `made ${Atomics.wait(rest, 0, 0, 150)}`, decode: () => 'read' }
  const store = await open({ codec })
  await using cache = createCache().setup(store, { writeTimeout: '100ms' })
  expect(await cache.set('key', {})).toBe(true)
  expect(await cache.get('key')).toBe('read')
})

it('has for a batch, as its caller has, the time of a write for each thousand keys', async () => {
  const now = performance.now.bind(performance)
  let passed = 0
  const encode = (): string => {
    passed ||= 500
    return 'made'
  }
  const store = await open({ codec: { encode, decode: () => 'read' } })
  await using cache = createCache().setup(store, { writeTimeout: '400ms', readTimeout: '10s' })
  const keys = Array.from({ length: 5_000 }, (_, at) => `key:${at}`)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + passed)
  await cache.setMany(keys.map((key) => [key, {}] as const))
  expect((await cache.getMany(keys)).filter((value) => value === 'read')).toHaveLength(keys.length)
})

it('makes all of the writes to several files, once one has them, although the disk is full for a moment', async () => {
  const store = await open({ shards: 2, sizeLimit: 1024 ** 2, checkInterval: false })
  for (let at = 0; at < 100; at++) await store.set(`page:${at}`, 'x'.repeat(4_000), HOUR)
  const keys = ['a', 'b', 'c', 'd']
  for (const key of keys) await store.set(key, 'old', HOUR)
  const stamps = await Promise.all(keys.map((key) => store.inspect(key)))
  const { commit } = ShardFile.prototype
  const committed: ShardFile[] = []
  vi.spyOn(ShardFile.prototype, 'commit').mockImplementation(function (this: ShardFile) {
    if (committed.push(this) === 2) throw Object.assign(new Error('the disk is full'), { code: 'SQLITE_FULL' })
    commit.call(this)
  })
  const done = store.apply(
    keys.map((key, at) => ({ key, stamp: (stamps[at] as Snapshot).stamp })),
    keys.map((key) => ({ op: 'set', key, value: 'new', lifetime: HOUR })),
  )
  expect(await done).toBe(true)
  expect(committed[1]).not.toBe(committed[0])
  expect(await store.getMany(keys)).toEqual(['new', 'new', 'new', 'new'])
})

it('clear ends, whatever is written meanwhile', async () => {
  const store = await open({ checkInterval: false })
  await store.set('key', 1, HOUR)
  let isOver = false
  const clearing = Promise.resolve(store.clear()).then(() => {
    isOver = true
  })
  for (let turn = 0; turn < 100 && !isOver; turn++) {
    await new Promise(setImmediate)
    await store.set('key', turn, HOUR)
  }
  expect(isOver).toBe(true)
  await clearing
})

it('voids many leases a few at a time, so that others have their turn', async () => {
  const store = await open({ checkInterval: false })
  const leases = store.leases as Leases
  const taken: [key: string, lease: string][] = []
  for (let at = 0; at < 1_000; at++) taken.push([`key:${at}`, await leases.take(`key:${at}`)])
  const other = await leases.take('other')
  let turns = 0
  const count = () => {
    turns++
    counting = setImmediate(count)
  }
  let counting = setImmediate(count)
  await leases.voidMatch('key:*')
  clearImmediate(counting)
  expect(turns).toBeGreaterThan(10)
  expect(taken.filter(([key, lease]) => leases.holds(key, lease))).toEqual([])
  expect(await leases.holds('other', other)).toBe(true)
})

it('a lock lies in the file of the key that its name begins with', async () => {
  const store = await open({ shards: 8 })
  const { locks } = store
  if (!locks) throw new Error('The store has no locks.')
  const keys = Array.from({ length: 20 }, (_, at) => `key:${at}`)
  for (const key of keys) {
    await store.set(key, 1, HOUR)
    await locks.acquire(`${key}\0transaction`, 'me', HOUR)
  }
  for (const path of filesOf(store.directory, '.db')) {
    const file = new Sqlite(path)
    const inFile = (sql: string) => file.prepare(sql).pluck().all() as string[]
    const locked = inFile('SELECT key FROM locks').map((name) => name.split('\0')[0])
    expect(locked.sort()).toEqual(inFile('SELECT key FROM entries').sort())
    file.close()
  }
})
