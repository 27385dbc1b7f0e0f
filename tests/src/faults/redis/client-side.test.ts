import { execFileSync, spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { hasHeard, isLive, type WatchedCache, watchedCache } from '../../support/faults/cache.ts'
import { Judge } from '../../support/faults/judge.ts'
import { type Measured, report, round, Stopwatch } from '../../support/faults/report.ts'
import { eventually } from '../../support/redis/eventually.ts'
import { type FaultyLink, startProxy } from '../../support/redis/proxy.ts'
import { type RedisServer, startRedis } from '../../support/redis/redis-server.ts'

const MAX_STALE = 300
const clientSide = { maxStale: MAX_STALE / 1_000 }

/** Sends a command from another process, even while the event loop of this one is blocked. */
const SENDER = `
const [port, wait, ...words] = process.argv.slice(1)
const socket = require('net').connect(Number(port), '127.0.0.1')
setTimeout(() => socket.end(words.join(' ').replace('NOW', Date.now()) + '\\r\\nQUIT\\r\\n'), Number(wait))
socket.resume()`

interface Scene {
  readonly server: RedisServer
  readonly proxy: FaultyLink
  readonly near: WatchedCache
}

/** Writes and reads a few keys during a fault, and judges what was read. */
async function judged(
  fault: (scene: Scene) => Promise<unknown>,
): Promise<Measured & { readonly maxAge: number; readonly wrong: number }> {
  await using server = await startRedis()
  await using proxy = await startProxy(server.port)
  await using near = watchedCache({ host: '127.0.0.1', port: proxy.port, clientSide })
  await using writer = watchedCache({ url: server.url, namespace: near.namespace })
  await near.cache.init()
  await isLive(near)
  const judge = new Judge()
  let isOver = false
  let bypass = 0
  const stopwatch = new Stopwatch()
  const write = async (key: string) => {
    while (!isOver) {
      await judge.write(writer.cache, key)
      await wait(20)
    }
  }
  const read = async (key: string) => {
    while (!isOver) {
      await judge.read(near.cache, key)
      await wait(1)
    }
  }
  const watch = async () => {
    for (let seen = performance.now(); !isOver; seen = performance.now()) {
      await wait(5)
      if (!near.backend.clientSide?.live) bypass += performance.now() - seen
    }
  }
  const keys = ['a', 'b', 'c', 'd']
  const running = Promise.all([...keys.map(write), ...keys.map(read), ...keys.map(read), watch()])
  await fault({ server, proxy, near })
  isOver = true
  await running
  proxy.heal()
  await hasHeard(near)
  const wrong = await judge.wrongAtRest(near.cache, writer.cache)
  const { hits = 0, flushes = 0, refused = 0 } = near.backend.clientSide ?? {}
  expect(Math.min(judge.writes, hits), 'writes and hits, without which nothing is proved').toBeGreaterThan(0)
  return {
    reads: judge.reads,
    writes: judge.writes,
    hits,
    flushes,
    refused,
    bypass: round(bypass),
    maxAge: judge.maxAge,
    lateness: round(stopwatch.lateness),
    wrong,
  }
}

describe('client-side copies', () => {
  it('B3: the connection for invalidations is cut 20 times a second', async () => {
    const measured = await judged(async ({ server }) => {
      for (let times = 0; times < 40; times++) {
        await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
        await wait(50)
      }
    })
    report(
      'B3',
      `nothing is older than ${MAX_STALE} ms`,
      measured,
      measured.maxAge <= MAX_STALE && measured.wrong === 0,
    )
  })

  it('B4: the connection for invalidations is half open', async () => {
    const measured = await judged(async ({ proxy }) => {
      await wait(300)
      proxy.blackhole(['news'])
      await wait(3_000)
      proxy.heal()
      await wait(500)
    })
    report(
      'B4',
      `nothing is older than ${MAX_STALE} ms`,
      measured,
      measured.maxAge <= MAX_STALE && measured.wrong === 0,
    )
  })

  it('B5: values are slow and invalidations are fast, and the reverse', async () => {
    const measured = await judged(async ({ proxy }) => {
      for (const [slow, fast] of [
        ['commands', 'news'],
        ['news', 'commands'],
      ] as const) {
        proxy.heal()
        proxy.delay({ down: 40 }, [slow])
        proxy.delay({ down: 1 }, [fast])
        await wait(1_000)
      }
    })
    report('B5', 'nothing is wrong when all is quiet', measured, measured.maxAge <= MAX_STALE && measured.wrong === 0)
  })

  it('B7: a key expires while hundreds of thousands do', async () => {
    await using server = await startRedis()
    await using near = watchedCache({ url: server.url, clientSide: true })
    const { cache } = near
    await cache.set('k', 1)
    await cache.get('k')
    await isLive(near)
    const count = 300_000
    const startedAt = performance.now()
    await server.admin.eval(
      // These keys only keep the server busy.
      `for i = 1, ARGV[1] do redis.call('SET', 'other:' .. i, 1, 'PX', 4000 + i % 500) end`,
      0,
      count,
    )
    await isLive(near)
    // All of them expire at the same time.
    await wait(Math.max(0, startedAt + 3_000 - performance.now()))
    const keys = Array.from({ length: 50 }, (_, at) => `k:${at}`)
    const endsAt = new Map<string, number>()
    for (const [at, key] of keys.entries()) {
      await cache.set(key, 1, { ttl: { milliseconds: 1_000 + at * 10 } })
      endsAt.set(key, performance.now() + 1_000 + at * 10)
      await cache.get(key)
    }
    let overrun = 0
    const end = performance.now() + 2_200
    while (performance.now() < end) {
      for (const key of keys) {
        const now = performance.now()
        if (near.backend.getNow?.(key) === 1) overrun = Math.max(overrun, now - (endsAt.get(key) as number))
      }
      await wait(1)
    }
    const { hits = 0 } = near.backend.clientSide ?? {}
    report(
      'B7',
      'no copy is used 5 ms after its key ended',
      { keys: count, hits, overrun: round(overrun) },
      overrun <= 5 && hits > 0,
    )
  })

  it('B9: this process does nothing for a while', async () => {
    await using server = await startRedis()
    await using near = watchedCache({ url: server.url, clientSide })
    await near.cache.set('k', 1)
    await near.cache.get('k')
    await isLive(near)
    const rounds = 5
    let stale = 0
    for (let version = 2; version < 2 + rounds; version++) {
      await eventually(
        async () => (await near.cache.get('k')) !== undefined && near.backend.getNow?.('k') === version - 1,
      )
      execFileSync(process.execPath, ['-e', SENDER, `${server.port}`, '0', 'SET', `${near.namespace}k`, `${version}`])
      const end = performance.now() + MAX_STALE
      while (performance.now() < end);
      if ((await near.cache.get('k')) !== version) stale++
    }
    report('B9', 'the first read afterwards asks the server', { rounds, stale }, stale === 0)
  })

  it('B10: a loop that awaits nothing but hits', async () => {
    await using server = await startRedis()
    await using near = watchedCache({ url: server.url, clientSide })
    await near.cache.set('k', 1)
    await near.cache.get('k')
    await isLive(near)
    await near.cache.get('k')
    const child = spawn(process.execPath, ['-e', SENDER, `${server.port}`, '200', 'SET', `${near.namespace}k`, 'NOW'])
    let reads = 0
    let seen: number | undefined
    const end = performance.now() + 5_000
    while (performance.now() < end) {
      reads++
      seen = await near.cache.get<number>('k')
      if (seen !== 1 && seen !== undefined) break
    }
    const age = Date.now() - (seen ?? 0)
    child.kill()
    report('B10', 'a new value is seen all the same', { reads, age }, seen !== 1 && age <= MAX_STALE + 100)
  })
})
