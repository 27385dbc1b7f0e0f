import { type ClientSideReport, redis } from '@cashews/backend-redis'
import { MISS } from '@cashews/core'
import { Cluster } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { hasHeard, isLive, type WatchedCache, watchedCache } from '../../support/faults/cache.ts'
import { report, within } from '../../support/faults/report.ts'
import { PATIENT } from '../../support/patience.ts'
import { eventually } from '../../support/redis/eventually.ts'
import { startProxy } from '../../support/redis/proxy.ts'
import { startRedis } from '../../support/redis/redis-server.ts'

/** Resolves when a copy of this value is used, which it is not when the server was silent for long. */
const isCopied = ({ backend, cache }: WatchedCache, key: string, value: unknown) =>
  eventually(async () => (await cache.get(key)) === value && backend.getNow?.(key) === value)

describe('client-side copies', () => {
  it('B1: an answer that arrives after its invalidation', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using near = watchedCache({ host: '127.0.0.1', port: proxy.port, clientSide: true }, PATIENT)
    await using writer = watchedCache({ url: server.url, namespace: near.namespace }, PATIENT)
    await near.cache.init()
    await isLive(near)
    const keys = Array.from({ length: 200 }, (_, at) => `k:${at}`)
    await writer.cache.setMany(Object.fromEntries(keys.map((key) => [key, 'old'])))
    await near.cache.getMany(['the script is known from now on'])
    const read = async () => Number(/cmdstat_mget:calls=(\d+)/.exec(await server.admin.info('commandstats'))?.[1] ?? 0)
    const before = await read()
    await isLive(near)
    const copies = () => near.backend.clientSide as ClientSideReport
    const { flushes } = copies()
    proxy.hold(['commands'])
    const reading = near.cache.getMany(keys)
    await eventually(async () => (await read()) > before)
    await writer.cache.setMany(Object.fromEntries(keys.map((key) => [key, 'new'])))
    // A pause of this machine may cut the connection for invalidations: then nothing that is under way is kept.
    await eventually(() => copies().refused >= keys.length || copies().flushes > flushes)
    proxy.heal()
    const overtaken = (await reading).filter((value) => value === 'old').length
    const kept = keys.filter((key) => near.backend.getNow?.(key) === 'old').length
    const stale = (await near.cache.getMany(keys)).filter((value) => value !== 'new').length
    report('B1', 'it is not kept', { overtaken, kept, stale }, overtaken === keys.length && kept === 0 && stale === 0)
  })

  it('B2: an own and a foreign write in one cycle of the server', async () => {
    await using server = await startRedis()
    await using near = watchedCache({ url: server.url, clientSide: true }, PATIENT)
    await using writer = watchedCache({ url: server.url, namespace: near.namespace }, PATIENT)
    await writer.cache.set('k', 0)
    await near.cache.get('k')
    await isLive(near)
    const [rounds, each] = [20, 10]
    let stale = 0
    for (let round = 0; round < rounds; round++) {
      const keys = Array.from({ length: each }, (_, at) => `k:${round}:${at}`)
      await near.cache.setMany(Object.fromEntries(keys.map((key) => [key, 'first'])))
      await near.cache.getMany(keys)
      server.freeze()
      const writes = keys.map((key, at) => {
        const [one, other] = at % 2 ? [near, writer] : [writer, near]
        return [one.cache.set(key, 'one'), other.cache.set(key, 'other')]
      })
      await new Promise((resolve) => setTimeout(resolve, 5))
      server.thaw()
      await Promise.all(writes.flat())
      await near.cache.getMany(keys)
      await hasHeard(near)
      const [seen, there] = [await near.cache.getMany(keys), await writer.cache.getMany(keys)]
      stale += seen.filter((value, at) => value !== there[at]).length
    }
    report('B2', 'both are seen', { writes: rounds * each, stale }, stale === 0)
  }, 60_000)

  it('B6, B8: every way in which a key can change', async () => {
    await using server = await startRedis()
    await using near = watchedCache({ url: server.url, clientSide: true }, PATIENT)
    await using writer = watchedCache({ url: server.url, namespace: near.namespace }, PATIENT)
    const { admin } = server
    await writer.cache.set('k', 'new')
    const raw = (await admin.getBuffer(`${near.namespace}k`)) as Buffer
    const dump = async () => (await admin.dumpBuffer(`${near.namespace}k`)) as Buffer
    const name = `${near.namespace}k`
    await near.cache.get('k')
    await isLive(near)
    const ways: Record<string, () => Promise<unknown>> = {
      FLUSHALL: () => admin.flushall(),
      FLUSHDB: () => admin.flushdb(),
      RENAME: () => admin.set(`${name}:2`, raw).then(() => admin.rename(`${name}:2`, name)),
      COPY: () => admin.set(`${name}:2`, raw).then(() => admin.copy(`${name}:2`, name, 'REPLACE')),
      Lua: () => admin.eval('return redis.call("SET", KEYS[1], ARGV[1])', 1, name, raw),
      MULTI: () => admin.multi().set(name, raw).exec(),
      PEXPIRE: () => admin.pexpire(name, 60_000),
      RESTORE: async () => admin.restore(name, 0, await dump(), 'REPLACE'),
      'another user': () => admin.del(name),
      eviction: () =>
        admin.config('SET', 'maxmemory-policy', 'allkeys-random').then(() => admin.config('SET', 'maxmemory', '1')),
    }
    const after: Record<string, number> = {}
    for (const [way, change] of Object.entries(ways)) {
      await near.cache.set('k', 'old')
      await hasHeard(near)
      await isCopied(near, 'k', 'old')
      await change()
      const changed = performance.now()
      await eventually(() => near.backend.getNow?.('k') !== 'old')
      after[way] = Math.round(performance.now() - changed)
    }
    report(
      'B6, B8',
      'each is heard of at once',
      after,
      Object.values(after).every((late) => within(late, 50)),
    )
  })

  it('B12: this user may not hear of changes', async () => {
    await using server = await startRedis()
    await server.admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', 'resetchannels')
    const url = `redis://app:secret@${server.address}`
    await using near = watchedCache({ url, clientSide: true }, PATIENT)
    await using writer = watchedCache({ url: server.url, namespace: near.namespace }, PATIENT)
    await writer.cache.set('k', 'old')
    await near.cache.get('k')
    await eventually(() => near.heard.errors.length > 0)
    await near.cache.get('k')
    await writer.cache.set('k', 'new')
    const measured = {
      seen: String(await near.cache.get('k')),
      copies: near.backend.clientSide?.hits ?? 0,
      reports: near.heard.errors.length,
    }
    const pass = measured.seen === 'new' && measured.copies === 0 && measured.reports === 1
    report('B12', 'no copy is used, and it is reported once', measured, pass)
  })

  it('B13: connections that speak RESP3, over which the client library drops what is pushed', async () => {
    await using server = await startRedis()
    await using near = watchedCache({ url: server.url, clientSide: true, connection: { protocol: 3 } }, PATIENT)
    await using writer = watchedCache({ url: server.url, namespace: near.namespace }, PATIENT)
    await writer.cache.set('k', 'old')
    await near.cache.get('k')
    await isLive(near)
    await isCopied(near, 'k', 'old')
    await writer.cache.set('k', 'new')
    await hasHeard(near)
    const seen = String(await near.cache.get('k'))
    report('B13', 'changes are heard all the same', { seen }, seen === 'new')
  })

  it('B14: namespaces that overlap', async () => {
    await using server = await startRedis()
    await using outer = watchedCache({ url: server.url, namespace: 'a:', clientSide: true }, PATIENT)
    await using inner = watchedCache({ url: server.url, namespace: 'a:b:', clientSide: true }, PATIENT)
    await using writer = watchedCache({ url: server.url, namespace: 'a:b:' }, PATIENT)
    await outer.cache.set('k', 1)
    await writer.cache.set('k', 1)
    for (const near of [outer, inner]) await near.cache.get('k')
    await Promise.all([isLive(outer), isLive(inner)])
    await Promise.all([isCopied(outer, 'b:k', 1), isCopied(inner, 'k', 1)])
    await writer.cache.set('k', 2)
    await Promise.all([hasHeard(outer), hasHeard(inner)])
    const seen = await Promise.all([outer.cache.get('b:k'), inner.cache.get('k')])
    report(
      'B14',
      'both hear of a change',
      { seen: JSON.stringify(seen) },
      seen.every((value) => value === 2),
    )
  })

  it('room for one copy', async () => {
    await using server = await startRedis()
    await using near = watchedCache({ url: server.url, clientSide: { size: 1 } }, PATIENT)
    await near.cache.setMany({ a: 1, b: 2, c: 3 })
    await isLive(near)
    await hasHeard(near)
    const copies = () => ['a', 'b', 'c'].filter((key) => near.backend.getNow?.(key) !== MISS)
    for (const [key, value] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['a', 1],
    ] as const) {
      await isCopied(near, key, value)
      expect(copies()).toEqual([key])
    }
  })

  it('B15: reads from replicas', () => {
    const client = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true, scaleReads: 'slave' })
    let refused = ''
    try {
      redis({ client, clientSide: true })
    } catch (error) {
      refused = (error as { code: string }).code
    }
    report('B15', 'are refused at setup', { refused }, refused === 'CASHEWS_CONFIGURATION')
  })

  it('B11, B16: the memory of the server', async () => {
    await using server = await startRedis()
    await using near = watchedCache({ url: server.url, clientSide: true }, PATIENT)
    const keys = Array.from({ length: 1_000 }, (_, at) => `k:${at}`)
    await near.cache.setMany(Object.fromEntries(keys.map((key) => [key, 1])))
    await isLive(near)
    await hasHeard(near)
    await near.cache.getMany(keys)
    await isCopied(near, 'k:0', 1)
    const stat = async (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(await server.admin.info())?.[1])
    const measured = {
      trackers: await stat('tracking_clients'),
      tracked: await stat('tracking_total_keys'),
      bounded: String(await server.admin.client('LIST', 'TYPE', 'PUBSUB')).includes('name=cashews:invalidations'),
    }
    const pass = measured.trackers === 1 && measured.tracked === 0 && measured.bounded
    report('B11, B16', 'keeps no list of what was read, and cuts who does not listen', measured, pass)
  })

  it('B18: a caller changes what it was given', async () => {
    await using server = await startRedis()
    await using near = watchedCache({ url: server.url, clientSide: true }, PATIENT)
    await near.cache.set('k', { deep: [1] })
    await isLive(near)
    await hasHeard(near)
    const isThere = () => near.backend.getNow?.('k') !== MISS
    let changed = 0
    const change = async () => {
      const found = await near.cache.get<{ deep: number[] }>('k')
      if (found?.deep.length !== 1) changed++
      found?.deep.push(2)
    }
    await change()
    await eventually(async () => (await near.cache.get('k')) && isThere())
    for (let reads = 0; reads < 3; reads++) await change()
    report('B18', 'nobody else sees it', { changed, copied: isThere() }, changed === 0 && isThere())
  })

  it('B19, B21, B22: two caches of one process, and odd keys that are absent at first', async () => {
    await using server = await startRedis()
    // A small maxStale, because the test waits for signs of life.
    const options = { url: server.url, clientSide: { maxStale: 0.3 } }
    await using one = watchedCache(options, PATIENT)
    const { namespace } = one
    await using other = watchedCache({ ...options, namespace }, PATIENT)
    await using writer = watchedCache({ url: server.url, namespace }, PATIENT)
    const keys = [',', 'a,b', 'a', 'b', ' ', '', '\r\n', '\0', '\u00ff', 'é', '🥔', '*', namespace]
    await Promise.all([one, other].map(({ cache }) => cache.init()))
    await Promise.all([one, other].map(isLive))
    let stale = 0
    const judge = async (expected: unknown) => {
      await Promise.all([one, other].map(hasHeard))
      for (const { cache } of [one, other])
        for (const value of await cache.getMany(keys)) if (value !== expected) stale++
    }
    await judge(undefined)
    for (const value of ['one', 'two']) {
      await writer.cache.setMany(new Map(keys.map((key) => [key, value])))
      await judge(value)
      for (const near of [one, other]) for (const key of keys) await isCopied(near, key, value)
    }
    await one.cache.deleteMany(keys)
    await judge(undefined)
    report('B19, B21, B22', 'each hears of each change', { keys: keys.length, stale }, stale === 0)
  })
})
