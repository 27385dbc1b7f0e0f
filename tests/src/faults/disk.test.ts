import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { disk } from '@cashews/backend-disk'
import { type Cache, createCache } from '@cashews/core'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { bytesOnDisk, filesOf } from '../support/disk/directories.ts'
import { freshDirectory } from '../support/disk/fresh-directory.ts'
import { startProcess, startThread } from '../support/disk/processes.ts'
import { OwnLag } from '../support/faults/own-lag.ts'
import { report, round, Stopwatch } from '../support/faults/report.ts'

const MB = 1024 ** 2
/** H9 of the matrix writes a gigabyte: `H9_MB=1024 pnpm faults`. */
const WRITTEN_MB = Number(process.env.H9_MB ?? 100)
const PATIENT = { suppress: false, readTimeout: '30s', writeTimeout: '30s' } as const

interface Written {
  readonly key: string
  readonly at: number
  readonly text: string
}

/** The least lag of several rounds, since a lag of our own occurs in each of them, and one of the machine does not. */
async function leastOf(rounds: number, round: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let nth = 0; nth < rounds; nth++) least = Math.min(least, await round())
  return least
}

const isWhole = ({ key, at, text }: Written) => key === `key:${at % 500}` && text === String(at).repeat(1 + (at % 300))

describe('disk', () => {
  it('H1: killed while writing, 50 times', async () => {
    const directory = freshDirectory()
    let [lost, torn, damaged, most] = [0, 0, 0, 0]
    for (let kill = 0; kill < 50; kill++) {
      const writer = startProcess({ role: 'write', directory, shards: 4 })
      await writer.told
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 150))
      writer.kill('SIGKILL')
      await writer.ended
      const acknowledged = (writer.news.at(-1) as { at: number }).at
      most = Math.max(most, acknowledged)

      const errors: unknown[] = []
      const cache = createCache({ onError: (error) => errors.push(error) })
      cache.setup(disk({ directory, shards: 4 }), PATIENT)
      const keys = Array.from({ length: Math.min(acknowledged + 1, 500) }, (_, at) => `key:${at}`)
      for (const [at, found] of (await cache.getMany<Written>(keys)).entries()) {
        if (found === undefined || found.at < acknowledged - ((acknowledged - at) % 500)) lost++
        else if (!isWhole(found)) torn++
      }
      await cache.clear()
      await cache.close()
      for (const path of filesOf(directory, '.db')) {
        const file = new Sqlite(path)
        if (file.pragma('integrity_check', { simple: true }) !== 'ok') damaged++
        file.close()
      }
      damaged += errors.length
    }
    report(
      'H1',
      'SIGKILL while writing, 50 times: acknowledged writes lost 0, values torn 0, files damaged 0',
      { lost, torn, damaged, most },
      lost + torn + damaged === 0,
    )
  }, 280_000)

  it('H2: four processes hammer one directory', async () => {
    const rounds = 2_000
    const processes = 4
    const directory = freshDirectory()
    const helpers = Array.from({ length: processes }, (_, me) =>
      startProcess({ role: 'hammer', directory, rounds, me }),
    )
    const ends = await Promise.all(helpers.map(({ ended }) => ended))
    const told = helpers.map(({ news }) => news[0] as { inside: number; passed: number; slowest: number })
    await using cache = createCache().setup(disk({ directory }), PATIENT)
    const members = await cache.setPop('members', { count: 1_000_000 })
    const [bits] = await cache.getBits('bits', [100], { size: 24 })
    const lost =
      rounds * processes -
      Number(await cache.get('count')) +
      rounds * (processes + 1) -
      members.length +
      (rounds * processes - Number(bits))
    const locks = told.reduce((sum, { inside }) => sum + inside, 0)
    const firsts = told.reduce((sum, { passed }) => sum + passed, 0)
    const errors = ends.filter(({ code, stderr }) => code !== 0 || stderr !== '').length
    const slowest = round(Math.max(...told.map(({ slowest }) => slowest)))
    report(
      'H2',
      'four processes: lost 0, one winner per lock, no SQLITE_BUSY',
      { lost, locks, firsts, errors, slowest },
      lost === 0 && errors === 0 && locks === rounds && firsts === rounds,
    )
  }, 240_000)

  it('H3: a small disk, filled to the brim', async ({ skip }) => {
    skip(!mayMount(), 'Only root may mount a file system.')
    const place = freshDirectory()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', place])
    try {
      const errors: unknown[] = []
      await using cache = createCache({ onError: (error) => errors.push(error) })
      cache.setup(disk({ directory: `${place}/cache`, sizeLimit: 64 * MB, shards: 1 }), PATIENT)
      for (let at = 0; at < 200; at++) await cache.set(`early:${at}`, { at, text: 'x'.repeat(2_000) })
      fill(`${place}/filler`)
      const answers = new Set<boolean>()
      for (let at = 0; at < 500; at++) answers.add(await cache.set(`full:${at}`, { at, text: 'x'.repeat(20_000) }))
      let [read, wrong] = [0, 0]
      for (let at = 0; at < 200; at++) {
        const found = await cache.get<{ at: number }>(`early:${at}`)
        if (found !== undefined) read++
        if (found !== undefined && found.at !== at) wrong++
      }
      await cache.delete('early:0')
      const deleted = (await cache.get('early:0')) === undefined
      rmSync(`${place}/filler`, { recursive: true })
      const start = performance.now()
      while (!(await cache.set('after', 1)) && performance.now() - start < 10_000)
        await new Promise((resolve) => setTimeout(resolve, 20))
      const recovered = round(performance.now() - start)
      const back = await cache.get('after')
      const measured = { refused: answers.has(false), read, wrong, deleted, recovered, reports: errors.length }
      report(
        'H3',
        'a full disk: set answers false, gets work, deletes work, it recovers by itself',
        measured,
        answers.has(false) &&
          read > 0 &&
          wrong === 0 &&
          deleted &&
          back === 1 &&
          errors.length > 0 &&
          errors.length < 5,
      )
    } finally {
      execFileSync('umount', ['-l', place])
    }
  }, 60_000)

  it('H7: another process locks the files', async () => {
    const directory = freshDirectory()
    await using cache = createCache().setup(disk({ directory, timeout: '20s' }), PATIENT)
    const keys = Array.from({ length: 50 }, (_, at) => `key:${at}`)
    await cache.setMany(keys.map((key) => [key, 0] as const))
    const busy = process.threadCpuUsage()
    const reading = new Stopwatch()
    const lag = await leastOf(5, async () => {
      await startProcess({ role: 'hold', directory, duration: 1_200 }).told
      using lag = new OwnLag()
      const writes: Promise<boolean>[] = []
      for (const end = performance.now() + 1_000; performance.now() < end; ) {
        const key = keys[writes.length % keys.length] as string
        await reading.time(() => cache.get(key))
        writes.push(cache.set(key, writes.length))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      const { most } = lag
      expect((await Promise.all(writes)).every(Boolean)).toBe(true)
      return most
    })
    const { user, system } = process.threadCpuUsage(busy)
    report(
      'H7',
      'a foreign lock for a second, five times: event-loop lag < 20 ms, reads go on, writes follow',
      { lag: round(lag), read: reading.max, cpu: round((user + system) / 1_000) },
      lag < 20,
    )
  }, 60_000)

  it('H7: another process locks the files exclusively before they are opened', async () => {
    const keys = Array.from({ length: 50 }, (_, at) => `key:${at}`)
    const waiting = new Stopwatch()
    const lag = await leastOf(5, async () => {
      const directory = freshDirectory()
      const before = createCache().setup(disk({ directory }), PATIENT)
      await before.setMany(keys.map((key) => [key, 0] as const))
      await before.close()
      await using cache = createCache().setup(disk({ directory, timeout: '20s' }), PATIENT)
      await cache.init()
      await startProcess({ role: 'hold', directory, duration: 1_000, isExclusive: true }).told
      using lag = new OwnLag()
      const found = keys.map((key) => cache.get(key))
      const written = keys.map((key) => waiting.time(() => cache.set(key, 1)))
      expect((await Promise.all(written)).every(Boolean)).toBe(true)
      const { most } = lag
      expect((await Promise.all(found)).every((value) => value === 0)).toBe(true)
      return most
    })
    report(
      'H7',
      'files kept by somebody are waited for, five times: event-loop lag < 20 ms',
      { lag: round(lag), waited: waiting.max },
      waiting.max > 500 && lag < 20,
    )
  }, 60_000)

  it(`H9: ${WRITTEN_MB} megabytes through ten`, async () => {
    const directory = freshDirectory()
    const errors: unknown[] = []
    await using cache = createCache({ onError: (error) => errors.push(error) })
    cache.setup(disk({ directory, sizeLimit: 10 * MB }), PATIENT)
    const text = 'x'.repeat(8_000)
    let [most, refused, bytes] = [0, 0, 0]
    for (let at = 0; bytes < WRITTEN_MB * MB; at++, bytes += text.length) {
      if (!(await cache.set(`key:${at}`, { at, text }))) refused++
      if (at < 10) await cache.set(`hot:${at}`, at)
      if (at % 100 === 0) {
        for (let hot = 0; hot < 10; hot++) await cache.get(`hot:${hot}`)
        most = Math.max(most, bytesOnDisk(directory))
        await turn()
      }
    }
    const kept = (await cache.getMany(Array.from({ length: 10 }, (_, at) => `hot:${at}`))).filter(
      (found) => found !== undefined,
    ).length
    const measured = { most: round(most / MB), keys: await cache.getKeysCount(), refused, kept, errors: errors.length }
    report(
      'H9',
      'files and logs <= 11 MB with a limit of 10 MB, what is in use is kept',
      measured,
      most <= 11 * MB && refused === 0 && kept >= 8,
    )
  }, 280_000)

  it('H10: a reader that does not end', async () => {
    const directory = freshDirectory()
    const errors: unknown[] = []
    await using cache = createCache({ onError: (error) => errors.push(error) })
    cache.setup(disk({ directory, sizeLimit: 32 * MB, shards: 1 }), PATIENT)
    await cache.set('key', 1)
    const [path] = filesOf(directory, '.db') as [string]
    const reader = new Sqlite(path)
    reader.exec('BEGIN')
    reader.prepare('SELECT * FROM entries').all()
    const watch = new Stopwatch()
    let [most, written, refused] = [0, 0, 0]
    for (let at = 0; at < 6_000; at++) {
      const done = await watch.time(() => cache.set(`key:${at}`, { at, text: 'x'.repeat(8_000) }))
      if (done) written++
      else refused++
      if (at % 50 === 0) most = Math.max(most, bytesOnDisk(directory))
      if (at % 50 === 0) await turn()
    }
    await cache.delete('key:1')
    const stale = await cache.get('key:1')
    reader.close()
    const start = performance.now()
    await expect.poll(() => cache.set('after', 1), { timeout: 10_000, interval: 20 }).toBe(true)
    const measured = {
      most: round(most / MB),
      written,
      refused,
      p99: watch.quantile(0.99),
      slowest: watch.max,
      recovered: round(performance.now() - start),
      reports: errors.length,
    }
    report(
      'H10',
      'writes go on, p99 <= 25 ms, while files and log stay below 1.1 times the limit of 32 MB; then they are refused, until the reader ends',
      measured,
      most <= 1.12 * 32 * MB &&
        written > 1_000 &&
        watch.quantile(0.99) <= 25 &&
        stale === undefined &&
        errors.length < 10,
    )
  }, 120_000)

  it('H11: the main thread and four workers', async () => {
    const rounds = 500
    const directory = freshDirectory()
    const told = (await Promise.all(
      [0, 1, 2, 3].map((me) => startThread({ role: 'hammer', directory, rounds, me })),
    )) as { inside: number; passed: number }[]
    await using cache = createCache().setup(disk({ directory }), PATIENT)
    const lost = 4 * rounds - Number(await cache.get('count'))
    const locks = told.reduce((sum, { inside }) => sum + inside, 0)
    report('H11', 'four worker threads: no crash, lost 0', { lost, locks }, lost === 0 && locks === rounds)
  }, 120_000)

  it('H12: opened and closed 300 times while garbage is collected', async () => {
    const helper = startProcess(
      { role: 'reopen', directory: freshDirectory(), rounds: 300 },
      { flags: ['--expose-gc'] },
    )
    const { code, stderr } = await helper.ended
    report('H12', 'rc 0', { code: Number(code), stderr }, code === 0 && stderr === '')
  }, 120_000)

  it('keeps values of many sizes', async () => {
    const directory = freshDirectory()
    await using cache = createCache().setup(disk({ directory }), PATIENT) as Cache
    for (const size of [0, 1, 1_000, 262_000, 262_144, 263_000, 1_000_000, 5_000_000]) {
      const value = Buffer.alloc(size, size % 251)
      await cache.set('sized', value)
      const found = (await cache.get<Buffer>('sized')) as Buffer
      expect(Buffer.compare(Buffer.from(found), value)).toBe(0)
    }
  })
})

function fill(path: string): void {
  mkdirSync(path)
  for (let size = MB, at = 0; size >= 1_024; at++) {
    try {
      writeFileSync(`${path}/${at}`, Buffer.alloc(size))
    } catch {
      size /= 2
    }
  }
}

function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const place = freshDirectory()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], { stdio: 'ignore' })
    execFileSync('umount', [place])
    return true
  } catch {
    return false
  }
}
