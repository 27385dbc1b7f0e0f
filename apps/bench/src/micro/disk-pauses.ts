import { strictEqual } from 'node:assert'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { disk } from '@cashews/backend-disk'
import { type Cache, createCache } from '@cashews/core'
import { freshDirectory } from '../disk-contenders.ts'
import { quantile, run } from '../harness.ts'
import { worstPause } from '../pauses.ts'
import { type Bar, judged, type Row } from '../report.ts'
import { userOf } from '../users.ts'

const MB = 1024 ** 2
const ROUNDS = 3
const clock = { ahead: 0, now: () => Date.now() + clock.ahead }

/** A cache with open files, as in a service. A file is opened when it is first needed, which takes 2 to 4 ms. */
async function open(): Promise<Cache> {
  const store = disk({ directory: freshDirectory(), sizeLimit: 32 * MB, checkInterval: '20ms', clock })
  const cache = createCache().setup(store, { suppress: false, readTimeout: '1m', writeTimeout: '1m' })
  for (let at = 0; at < 100; at++) await cache.set(`first:${at}`, at, { ttl: '1ms' })
  return cache
}

const LARGE = Buffer.alloc(MB, 'large')
const PAGE = { text: 'x'.repeat(4_000) }

/** The work during which pauses are measured. The event loop runs after each command. */
const WORKS: Readonly<Record<string, (cache: Cache) => AsyncGenerator<void>>> = {
  async *'nothing at all: a machine that misses this one is too busy to tell'() {
    for (const end = performance.now() + 500; performance.now() < end; ) yield
  },
  async *'values of 1 MB, written and read'(cache) {
    for (let at = 0; at < 40; at++) {
      yield void (await cache.set(`large:${at % 8}`, LARGE, { ttl: '1h' }))
      strictEqual((await cache.get<Buffer>(`large:${at % 8}`))?.length, LARGE.length)
      yield
    }
  },
  async *'48 MB of pages through 32 MB'(cache) {
    for (let at = 0; at < 12_000; at++) yield void (await cache.set(`page:${at}`, PAGE, { ttl: '1h' }))
  },
  async *'10,000 keys that end at once, swept'(cache) {
    yield* fill(cache, 10)
    clock.ahead += 3_600_000
    while ((await cache.getKeysCount()) > 0) yield
    for (let turn = 0; turn < 1_000; turn++) yield
  },
  async *'10,000 keys scanned, and deleted by a pattern'(cache) {
    yield* fill(cache, 10)
    for await (const _ of cache.scan('user:*')) yield
    strictEqual(await cache.deleteMatch('user:*'), 10_000)
    yield
  },
  async *'getMany and setMany of 1,000 keys'(cache) {
    yield* fill(cache, 10)
    const keys = Array.from({ length: 1_000 }, (_, at) => `user:${at}`)
    for (let time = 0; time < 20; time++) yield void (await cache.getMany(keys))
  },
}

async function* fill(cache: Cache, thousands: number): AsyncGenerator<void> {
  for (let some = 0; some < thousands; some++) {
    const entries = Array.from({ length: 1_000 }, (_, at) => [`user:${some * 1_000 + at}`, userOf(String(at))] as const)
    yield void (await cache.setMany(entries, { ttl: '1h' }))
  }
}

async function pauseOf(work: (cache: Cache) => AsyncGenerator<void>): Promise<number> {
  await using cache = await open()
  return await worstPause(async () => {
    for await (const _ of work(cache)) await setImmediate()
  })
}

/** How long a write takes while another process writes to the same files as fast as it can. */
async function besideAnother(): Promise<{ readonly p99: number; readonly errors: number }> {
  const directory = freshDirectory()
  const script = fileURLToPath(new URL('../disk-writer.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  await using cache = createCache().setup(disk({ directory }), { suppress: false, writeTimeout: '10s' })
  const times: number[] = []
  let errors = 0
  for (let at = 0; at < 10_000; at++) {
    const start = performance.now()
    await cache.set(`user:${at % 1_000}`, userOf(String(at)), { ttl: '1h' }).catch(() => errors++)
    times.push(performance.now() - start)
    await setImmediate()
  }
  child.kill('SIGKILL')
  await once(child, 'close')
  return { p99: quantile(times, 0.99), errors }
}

/** D4, and D3 in part: how long disk blocks the event loop, and how long a write waits for another process. */
await run(async () => {
  const rows: Row[] = []
  const add = (lane: string, what: string, ratio: number, bar: Bar) => rows.push(judged({ lane, what, ratio }, bar))
  for (const [what, work] of Object.entries(WORKS)) {
    const pauses: number[] = []
    for (let round = 0; round < ROUNDS; round++) pauses.push(await pauseOf(work))
    add('D4', `worst pause, ms: ${what}`, quantile(pauses, 0.5), { atMost: 10 })
  }
  const { p99, errors } = await besideAnother()
  add('D3', 'p99 of a write beside a writing process, ms', p99, { atMost: 25, aim: 5 })
  add('D3', 'errors of two writing processes', errors, { atMost: 0 })
  return rows
})
