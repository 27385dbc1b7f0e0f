import { setTimeout as wait } from 'node:timers/promises'
import { describe, it } from 'vitest'
import { hasHeard, underLoad, type WatchedCache, watchedCache } from '../../support/faults/cache.ts'
import { Judge } from '../../support/faults/judge.ts'
import { report, round, Stopwatch } from '../../support/faults/report.ts'
import { eventually } from '../../support/redis/eventually.ts'
import { startProxy } from '../../support/redis/proxy.ts'
import { startRedis } from '../../support/redis/redis-server.ts'

const MAX_STALE = 500
const DURATION = Number(process.env.CHAOS_SECONDS ?? 30) * 1_000

describe('chaos', () => {
  it(
    'B20: faults of every kind, at random',
    async () => {
      await using server = await startRedis({ args: ['--busy-reply-threshold', '100'] })
      await using proxy = await startProxy(server.port)
      const clientSide = { maxStale: MAX_STALE / 1_000 }
      await using one = watchedCache({ host: '127.0.0.1', port: proxy.port, clientSide })
      await using other = watchedCache({ host: '127.0.0.1', port: proxy.port, clientSide, namespace: one.namespace })
      await using writer = watchedCache({ url: server.url, namespace: one.namespace })
      const near = [one, other]
      await Promise.all(near.map(({ cache }) => cache.init()))
      const { admin } = server
      const faults: Record<string, () => unknown> = {
        'news cut': () => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
        'all cut': () => proxy.reset(),
        'news half open': () => proxy.blackhole(['news']),
        'commands half open': () => proxy.blackhole(['commands']),
        'news late': () => proxy.delay({ down: 1 + Math.random() * 200 }, ['news']),
        'commands late': () => proxy.delay({ down: 1 + Math.random() * 60 }, ['commands']),
        'server frozen': async () => {
          server.freeze()
          await wait(100 + Math.random() * 300)
          server.thaw()
        },
        'server busy': () =>
          admin.eval(`local s = redis.call('TIME') while redis.call('TIME')[1] - s[1] < 1 do end`, 0),
        'no connection': () => {
          proxy.refuse()
          proxy.reset()
        },
      }
      const names = Object.keys(faults)
      const judge = new Judge()
      const stopwatch = new Stopwatch()
      let injected = 0
      const call = async (caller: number, turn: number) => {
        if (caller < 4) {
          for (let at = caller; at < 32; at += 4) await judge.write(writer.cache, `k:${at}`)
          return wait(10)
        }
        const { cache } = near[caller % 2] as typeof one
        return stopwatch.time(() => judge.read(cache, `k:${(turn * 7 + caller) % 32}`))
      }
      const story = async () => {
        const end = performance.now() + DURATION
        while (performance.now() < end) {
          const name = names[Math.floor(Math.random() * names.length)] as string
          await faults[name]?.()
          injected++
          await wait(100 + Math.random() * 900)
          proxy.heal()
          await wait(Math.random() * 400)
        }
      }
      const { failures } = await underLoad(8, call, story())
      const answers = async ({ cache }: WatchedCache) => (await cache.get('k:0')) !== undefined
      await Promise.all(near.map((one) => eventually(() => answers(one), 20_000).then(() => hasHeard(one))))
      const wrong = (await Promise.all(near.map(({ cache }) => judge.wrongAtRest(cache, writer.cache)))).reduce(
        (a, b) => a + b,
      )
      const hits = near.reduce((sum, { backend }) => sum + (backend.clientSide?.hits ?? 0), 0)
      const refused = near.reduce((sum, { backend }) => sum + (backend.clientSide?.refused ?? 0), 0)
      const measured = {
        seconds: DURATION / 1_000,
        faults: injected,
        reads: judge.reads,
        hits,
        refused,
        writes: judge.writes,
        failures,
        maxAge: judge.maxAge,
        longest: round(stopwatch.max),
        lateness: round(stopwatch.lateness),
        wrong,
      }
      report(
        'B20',
        `nothing older than ${MAX_STALE} ms, nothing wrong at rest`,
        measured,
        failures === 0 && judge.maxAge <= MAX_STALE && wrong === 0 && Math.min(hits, judge.writes) > 0,
      )
    },
    DURATION + 60_000,
  )
})
