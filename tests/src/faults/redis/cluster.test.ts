import { setTimeout as wait } from 'node:timers/promises'
import slotOf from 'cluster-key-slot'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hasHeard, READ, SLACK, underLoad, WRITE, watchedCache } from '../../support/faults/cache.ts'
import { Judge } from '../../support/faults/judge.ts'
import { report, round, Stopwatch } from '../../support/faults/report.ts'
import { PATIENT } from '../../support/patience.ts'
import { type RedisCluster, startCluster } from '../../support/redis/cluster.ts'
import { eventually } from '../../support/redis/eventually.ts'
import type { RedisServer } from '../../support/redis/redis-server.ts'

const MAX_STALE = 500
const clientSide = { maxStale: MAX_STALE / 1_000 }

describe('Cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  }, 60_000)
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('D1: a thousand keys at once', async () => {
    await using watched = watchedCache({ cluster: cluster.addresses }, { readTimeout: '5s', writeTimeout: '5s' })
    const { cache } = watched
    const keys = Array.from({ length: 1_000 }, (_, at) => `k:${at}`)
    await cache.setMany(Object.fromEntries(keys.map((key, at) => [key, at])))
    const start = performance.now()
    const found = await cache.getMany(keys)
    const elapsed = round(performance.now() - start)
    const right = found.filter((value, at) => value === at).length
    const slots = new Set(keys.map((key) => slotOf(watched.namespace + key))).size
    const gone = await cache.deleteMany(keys)
    report(
      'D1',
      'all are right, wherever they are',
      { slots, right, elapsed, gone: Number(gone) },
      right === 1_000 && (await cache.getKeysCount()) === 0,
    )
  })

  it('D2: scans over all servers', async () => {
    await using watched = watchedCache({ cluster: cluster.addresses }, { readTimeout: '5s', writeTimeout: '20s' })
    const { cache } = watched
    const count = 30_000
    for (let from = 0; from < count; from += 5_000)
      await cache.setMany(Array.from({ length: 5_000 }, (_, at) => [`k:${from + at}`, from + at] as const))
    const seen = new Map<string, number>()
    for await (const key of cache.scan('k:*', { batchSize: 1_000 })) seen.set(key, (seen.get(key) ?? 0) + 1)
    let [pairs, wrong] = [0, 0]
    for await (const [key, value] of cache.getMatch('k:1*', { batchSize: 1_000 })) {
      pairs++
      if (key !== `k:${value}`) wrong++
    }
    const expectedPairs = Array.from({ length: count }, (_, at) => `${at}`).filter((text) =>
      text.startsWith('1'),
    ).length
    const double = [...seen.values()].filter((times) => times > 1).length
    const counted = await cache.getKeysCount()
    await cache.deleteMatch('k:1*')
    const left = await cache.getKeysCount()
    await cache.clear()
    const measured = {
      count,
      missing: count - seen.size,
      double,
      counted,
      pairs,
      wrong,
      left,
      cleared: await cache.getKeysCount(),
    }
    report(
      'D2',
      'each key exactly once',
      measured,
      seen.size === count &&
        double === 0 &&
        counted === count &&
        pairs === expectedPairs &&
        wrong === 0 &&
        left === count - pairs &&
        measured.cleared === 0,
    )
  }, 60_000)

  it('D3: slots move while they are used', async () => {
    await using near = watchedCache({ cluster: cluster.addresses, clientSide }, PATIENT)
    await using writer = watchedCache(
      { cluster: cluster.addresses, namespace: near.namespace },
      { suppress: false, ...PATIENT },
    )
    const keys = Array.from({ length: 6 }, (_, at) => `k:${at}`)
    await near.cache.init()
    await eventually(() => near.backend.clientSide?.live)
    const judge = new Judge()
    const call = async (caller: number) => {
      const key = keys[caller % 6] as string
      await (caller < 6 ? judge.write(writer.cache, key) : judge.read(near.cache, key))
      if (caller < 6) await wait(3)
    }
    const home = new Map<string, RedisServer>()
    const story = async () => {
      await wait(200)
      for (const key of keys) {
        const name = near.namespace + key
        const from = await cluster.masterOf(name)
        const to = cluster.nodes.slice(0, 3).find((node) => node !== from) as RedisServer
        home.set(key, from)
        await cluster.moveSlot(slotOf(name), from, to)
        await wait(100)
      }
      await wait(300)
    }
    const { calls, failures } = await underLoad(12, call, story())
    await hasHeard(near)
    const wrong = await judge.wrongAtRest(near.cache, writer.cache)
    const measured = { calls, moved: home.size, failures, refused: judge.refused, maxAge: judge.maxAge, wrong }
    report(
      'D3',
      'nobody notices',
      measured,
      failures === 0 && judge.refused === 0 && judge.maxAge <= MAX_STALE && wrong === 0,
    )
    for (const [key, from] of home) {
      const name = near.namespace + key
      await cluster.moveSlot(slotOf(name), await cluster.masterOf(name), from)
    }
    await cluster.settled()
  }, 60_000)

  it('D4: a failover by hand', async () => {
    await using watched = watchedCache({ cluster: cluster.addresses, clientSide })
    const { cache } = watched
    await cache.init()
    const name = `${watched.namespace}k`
    const master = await cluster.masterOf(name)
    const replica = await cluster.replicaOf(master)
    const judge = new Judge()
    const call = async (caller: number) => {
      await (caller === 0 ? judge.write(cache, 'k') : judge.read(cache, 'k'))
      if (caller === 0) await wait(3)
    }
    const story = async () => {
      await wait(200)
      await replica.admin.call('CLUSTER', 'FAILOVER')
      await eventually(async () => (await cluster.masterOf(name)) === replica)
      await wait(500)
    }
    const { calls, failures } = await underLoad(4, call, story())
    await cluster.settled()
    const measured = { calls, failures, refused: judge.refused, maxAge: judge.maxAge }
    report('D4', 'nobody notices', measured, failures === 0 && judge.refused === 0 && judge.maxAge <= MAX_STALE)
  }, 60_000)

  it('D9: one step over two slots', async () => {
    await using watched = watchedCache({ cluster: cluster.addresses })
    const { backend, cache } = watched
    await cache.init()
    const write = (key: string) => ({ op: 'set', key, value: 1, lifetime: 60_000 }) as const
    const refused = await backend.apply([], [write('a'), write('b')]).catch(({ code }) => code)
    const written = await cache.getKeysCount()
    report(
      'D9',
      'is refused before anything is written',
      { refused, written },
      refused === 'CASHEWS_COMMAND' && written === 0,
    )
  })

  it.each([
    ['D5', 'dies', (server: RedisServer) => server.kill()],
    ['D6', 'freezes', async (server: RedisServer) => server.freeze()],
  ] as const)(
    '%s: a master %s',
    async (id, _, harm) => {
      await using watched = watchedCache({ cluster: cluster.addresses, clientSide })
      const { cache } = watched
      const keys = Array.from({ length: 300 }, (_, at) => `k:${at}`)
      const victim = await cluster.masterOf(watched.namespace + keys[0])
      const owners = new Map<string, RedisServer>()
      for (const key of keys.slice(0, 40)) owners.set(key, await cluster.masterOf(watched.namespace + key))
      const sick = [...owners].filter(([, owner]) => owner === victim).map(([key]) => key)
      const well = [...owners].filter(([, owner]) => owner !== victim).map(([key]) => key)
      await eventually(() => cache.set('warm', 1))
      const judge = new Judge()
      const [before, during] = [new Stopwatch(), new Stopwatch()]
      let [isHarmed, last, outage, lost] = [false, performance.now(), 0, 0]
      const call = async (caller: number, turn: number) => {
        if (caller < 2) {
          const key = well[(turn * 2 + caller) % well.length] as string
          const written = await (isHarmed ? during : before).time(() => cache.set(key, turn))
          if (!written) lost++
          return wait(1)
        }
        const key = sick[caller % 2] as string
        if (caller >= 4) return judge.read(cache, key, cache)
        const { writes } = judge
        await judge.write(cache, key)
        if (judge.writes > writes) {
          outage = Math.max(outage, performance.now() - last)
          last = performance.now()
        }
        return wait(5)
      }
      const story = async () => {
        await wait(300)
        isHarmed = true
        last = performance.now()
        await harm(victim)
        await wait(1_000)
        const { writes } = judge
        await eventually(() => judge.writes > writes + 20, 20_000)
        await wait(300)
      }
      const { failures } = await underLoad(6, call, story())
      const measured = {
        outage: round(outage),
        failures,
        'p99 elsewhere before': before.quantile(0.99),
        'p99 elsewhere': during.quantile(0.99),
        'max elsewhere': during.max,
        'lost elsewhere': lost,
        skipped: watched.heard.unavailable,
        maxAge: judge.maxAge,
        lateness: round(during.lateness),
      }
      const elsewhere =
        during.quantile(0.99) <= Math.max(20, 3 * before.quantile(0.99)) + during.lateness &&
        during.max <= READ + WRITE + SLACK + during.lateness &&
        lost === 0 &&
        watched.heard.unavailable === 0
      report(
        id,
        'its slots are back within 4 s, the others go on',
        measured,
        outage <= 4_000 + during.lateness && failures === 0 && elsewhere && judge.maxAge <= MAX_STALE,
      )
      victim.thaw()
      if (id === 'D5') await victim.start()
      await cluster.settled()
    },
    60_000,
  )
})
