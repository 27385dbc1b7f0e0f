import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { disk } from '@cashews/backend-disk'
import { type Cache, createCache } from '@cashews/core'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { filesOf } from '../support/disk/directories.ts'
import { freshDirectory } from '../support/disk/fresh-directory.ts'
import { startProcess } from '../support/disk/processes.ts'
import { report } from '../support/faults/report.ts'

const KEYS = 400
const written = (at: number) => ({ at, text: `value ${at} `.repeat(20) })

let directory: string
let caches: Cache[]
let reports: string[]

beforeEach(() => {
  directory = freshDirectory()
  caches = []
  reports = []
})
afterEach(async () => {
  for (const cache of caches) await cache.close()
})

function open(checkInterval: false | '50ms' | '300ms' = false): Cache {
  const cache = createCache({ onError: (error) => void reports.push(String((error as Error).message)) })
  cache.setup(disk({ directory, shards: 2, checkInterval }), {
    suppress: false,
    readTimeout: '10s',
    writeTimeout: '10s',
  })
  caches.push(cache)
  return cache
}

async function fill(cache: Cache): Promise<void> {
  for (let at = 0; at < KEYS; at++) await cache.set(`key:${at}`, written(at))
}

/** Reads and writes all keys. Returns the number of wrong values, and of values that are left. */
async function use(cache: Cache): Promise<{ wrong: number; left: number; ms: number }> {
  const start = performance.now()
  let wrong = 0
  let left = 0
  for (let at = 0; at < KEYS; at++) {
    const found = await cache.get<{ at: number; text: string }>(`key:${at}`)
    if (found === undefined) continue
    left++
    if (found.at !== at || found.text !== written(at).text) wrong++
  }
  const ms = Math.round(performance.now() - start)
  await fill(cache)
  expect(await cache.get('key:1')).toEqual(written(1))
  expect(await cache.get('key:399')).toEqual(written(399))
  return { wrong, left, ms }
}

function overwrite(path: string, at: number, length: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(length, 0xa5), 0, length, at)
  closeSync(file)
}

/** Ways to damage a file, and what happens to its log. */
const CORRUPTIONS: readonly (readonly [string, (path: string) => void])[] = [
  ['an overwritten header', (path) => overwrite(path, 0, 100)],
  ['garbage in the middle', (path) => overwrite(path, 8_192, Math.max(4_096, statSync(path).size - 12_288))],
  ['a truncated file', (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
  ['a file of garbage', (path) => writeFileSync(path, Buffer.alloc(50_000, 'garbage'))],
  ['an empty file', (path) => truncateSync(path, 0)],
  [
    'a directory in its place',
    (path) => {
      rmSync(path)
      mkdirSync(path)
    },
  ],
]

describe('a damaged file', () => {
  it.each(CORRUPTIONS)('is put aside and replaced when it is opened: %s', async (name, corrupt) => {
    const before = open()
    await fill(before)
    await before.close()
    // The log would repair this damage.
    expect(filesOf(directory, '-wal')).toEqual([])
    for (const path of filesOf(directory, '.db')) corrupt(path)

    const { wrong, left, ms } = await use(open())
    const aside = readdirSync(directory).filter((file) => /corrupt-\d+$/.test(file)).length
    const isEmpty = name === 'an empty file'
    report(
      'H4',
      'put aside, usable at once, no exception, no wrong value',
      { name, wrong, left, aside, ms, reports: reports.length },
      wrong === 0 && aside === (isEmpty ? 0 : 2) && reports.length === (isEmpty ? 0 : 2),
    )
  })

  it.each(CORRUPTIONS.slice(0, 4))('is put aside while it is in use: %s', async (name, corrupt) => {
    const cache = open()
    await fill(cache)
    await cache.close()
    await cache.init()
    await cache.get('key:1')
    for (const path of filesOf(directory, '.db')) corrupt(path)

    const { wrong, left, ms } = await use(cache)
    report(
      'H4',
      'put aside while in use, no exception, no wrong value',
      { name, wrong, left, ms, reports: reports.length },
      wrong === 0,
    )
    await cache.close()
    expect(await use(open())).toMatchObject({ wrong: 0 })
  })

  it('is reported with the place where it is kept, and only the latest is kept', async () => {
    for (let round = 0; round < 3; round++) {
      const cache = open()
      await fill(cache)
      await cache.close()
      for (const path of filesOf(directory, '.db')) writeFileSync(path, 'no database at all'.repeat(100))
    }
    await use(open())
    expect(readdirSync(directory).filter((file) => /corrupt-\d+$/.test(file))).toHaveLength(2)
    expect(reports.at(-1)).toMatch(/cashews-v\d-\d-of-2\.\d\.db: file is not a database; it is kept as .*corrupt-\d+/)
  })

  it('includes a file of another format version', async () => {
    const cache = open()
    await fill(cache)
    await cache.close()
    for (const path of filesOf(directory, '.db')) {
      const file = new Sqlite(path)
      file.pragma('user_version = 99')
      file.close()
    }
    const { left } = await use(open())
    report(
      'H15',
      'a file of another format is put aside and told',
      { left, told: reports.filter((told) => told.includes('format 99')).length },
      left === 0 && reports.length === 2,
    )
  })

  it('includes a file of another program, which is not changed', async () => {
    const [path] = [`${directory}/cashews-v3-0-of-2.1.db`]
    const file = new Sqlite(path as string)
    file.exec('CREATE TABLE theirs (a); INSERT INTO theirs VALUES (42)')
    file.close()
    await use(open())
    const [aside] = readdirSync(directory).filter((name) => /corrupt-\d+$/.test(name))
    const kept = new Sqlite(`${directory}/${aside}`)
    expect(kept.prepare('SELECT a FROM theirs').get()).toEqual({ a: 42 })
    kept.close()
  })
})

describe('a write-ahead log', () => {
  const LOG_FAULTS: readonly (readonly [string, (path: string) => void])[] = [
    ['-wal removed', (path) => rmSync(`${path}-wal`, { force: true })],
    ['-shm removed', (path) => rmSync(`${path}-shm`, { force: true })],
    ['-wal is garbage', (path) => writeFileSync(`${path}-wal`, Buffer.alloc(100_000, 'garbage'))],
    ['-shm is garbage', (path) => writeFileSync(`${path}-shm`, Buffer.alloc(32_768, 'garbage'))],
  ]

  it.each(LOG_FAULTS)('that is lost while it is closed costs only its own writes: %s', async (name, fault) => {
    const copy = freshDirectory()
    const cache = open()
    await fill(cache)
    for (const file of readdirSync(directory)) copyFileSync(`${directory}/${file}`, `${copy}/${file}`)
    await cache.close()
    directory = copy
    for (const path of filesOf(directory, '.db')) fault(path)

    const { wrong, left, ms } = await use(open())
    report('H5', 'usable at once, no exception, no wrong value', { name, wrong, left, ms }, wrong === 0)
  })

  it.each(LOG_FAULTS.slice(0, 1))('that is lost while in use is noticed: %s', async (name, fault) => {
    const cache = open('50ms')
    await fill(cache)
    for (const path of filesOf(directory, '.db')) fault(path)
    await expect.poll(() => reports.length).toBe(2)
    const { wrong, left } = await use(cache)
    report('H5', 'noticed within the check interval, begun anew, no wrong value', { name, wrong, left }, wrong === 0)
  })
})

describe('a directory', () => {
  it('that was removed is created again, and the cache continues', async () => {
    const cache = open('50ms')
    await fill(cache)
    rmSync(directory, { recursive: true })
    const start = performance.now()
    await expect.poll(() => openFiles(directory).length).toBe(2)
    const ms = Math.round(performance.now() - start)
    const { wrong } = await use(cache)
    await cache.close()
    const after = await use(open())
    report(
      'H8',
      'reopened within the check interval (50 ms), shared again',
      { ms, wrong, left: after.left, reports: reports.length },
      wrong === 0 && after.left === KEYS,
    )
  })

  it('that was removed is created again once: who notices later does not put aside what others have begun', async () => {
    const late = open('300ms')
    await fill(late)
    const first = open('50ms')
    await fill(first)
    rmSync(directory, { recursive: true })
    await expect.poll(() => filesOf(directory, '.db').length, { interval: 5 }).toBe(2)
    const seen = async () => (await first.set('key', 'new')) && late.get('key')
    await expect.poll(seen).toBe('new')
    expect(await first.get('key')).toBe('new')
    expect(filesOf(directory, '').filter((path) => path.includes('corrupt'))).toEqual([])
  })

  it('protects its files from other users', async () => {
    const inner = `${directory}/inner/most`
    const cache = createCache().setup(disk({ directory: inner }))
    await cache.set('key', 1)
    expect(statSync(inner).mode & 0o777).toBe(0o700)
    for (const path of filesOf(inner, '')) expect(statSync(path).mode & 0o777).toBe(0o600)
    await cache.close()
  })

  it.each([
    [
      'below a file',
      (place: string) => `${place}/file/below`,
      /part of its path is not a directory|it is not a directory/,
    ],
    ['that is a file', (place: string) => `${place}/file`, /it is not a directory/],
    ['that cannot be made', () => '/proc/cashews', /Cannot keep a disk cache in/],
  ])('%s causes a clear error, and the service continues without the store', async (_, place, message) => {
    writeFileSync(`${directory}/file`, '')
    const store = disk({ directory: place(directory) })
    const strict = createCache({ onError: () => {} }).setup(store, { suppress: false })
    await expect(strict.set('key', 1)).rejects.toMatchObject({ code: 'CASHEWS_BACKEND_UNAVAILABLE' })
    await expect(strict.get('key')).rejects.toThrow(message)

    const heard: unknown[] = []
    const lenient = createCache({ onError: (error) => void heard.push(error) }).setup(
      disk({ directory: place(directory) }),
    )
    expect(await lenient.get('key')).toBeUndefined()
    expect(await lenient.set('key', 1)).toBe(false)
    report('H6', 'a clear error, and a bypass', { told: String(heard[0]) }, heard.length > 0)
    await Promise.all([strict.close(), lenient.close()])
  })
})

describe('a user', () => {
  /** Root may do everything, so another user tries it, if that user can read this file. */
  const isRoot = process.getuid?.() === 0
  const uid = isRoot ? { uid: 65_534 } : {}
  const it = test.skipIf(process.platform === 'win32' || (isRoot && !isOpenToAll(import.meta.filename)))
  const attempt = async (place: string) => {
    chmodSync(dirname(directory), 0o711)
    const helper = startProcess({ role: 'attempt', directory: place, shards: 2 }, uid)
    const told = (await helper.told) as { failure: string; answers: unknown[]; heard: string[] }
    await helper.ended
    return told
  }

  it.each([
    ['who may not write to the directory', 0o555, ''],
    ['who may not make the directory', 0o555, '/inner'],
    ['who may not look into the directory', 0o000, ''],
    ['who may not look into the one above', 0o000, '/inner'],
  ])('%s gets a clear error, and the service continues without the store', async (name, mode, below) => {
    chmodSync(directory, mode)
    const { failure, answers, heard } = await attempt(directory + below)
    chmodSync(directory, 0o700)
    const isClear = failure.includes(
      `Cannot keep a disk cache in ${directory}${below}: this user may not read and write there (E`,
    )
    report(
      'H6',
      'a clear error, and a bypass',
      { name, failure, told: heard.length },
      isClear && heard.length > 0 && answers[0] === 'nothing' && answers[1] === false,
    )
  })

  it('without permission to write to the files gets a clear error', async () => {
    const cache = open()
    await fill(cache)
    await cache.close()
    for (const path of filesOf(directory, '')) chmodSync(path, 0o444)
    chmodSync(directory, 0o777)
    const { failure, answers } = await attempt(directory)
    expect(failure).toMatch(/Cannot keep a disk cache in .*\.db: this user may not read and write there \(EACCES\)/)
    expect(answers).toEqual(['nothing', false])
  })
})

/** Whether all users can read the folder of a file. */
function isOpenToAll(path: string): boolean {
  const parent = dirname(path)
  return (statSync(parent).mode & 0o001) !== 0 && (parent === path || isOpenToAll(parent))
}

function openFiles(directory: string): string[] {
  return existsSync(directory) ? filesOf(directory, '.db') : []
}
