import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { BackendUnavailableError } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { transaction } from '@cashews/transactions'
import { describe, it } from 'vitest'
import { READ, SLACK, WRITE, watchedCache } from '../../support/faults/cache.ts'
import { report, round, Stopwatch, within } from '../../support/faults/report.ts'
import { PATIENT } from '../../support/patience.ts'
import { eventually } from '../../support/redis/eventually.ts'
import { CLOSED_PORT } from '../../support/redis/ports.ts'
import { startProxy } from '../../support/redis/proxy.ts'
import { startRedis } from '../../support/redis/redis-server.ts'

describe('one Redis', () => {
  it('A1, E8: was never up', async () => {
    await using watched = watchedCache({ port: CLOSED_PORT, host: '127.0.0.1' })
    const { cache, heard } = watched
    const load = cached(cache, { ttl: 10, key: 'k:{0}' }, async (id: number) => id)
    const [first, later] = [new Stopwatch(), new Stopwatch()]
    let wrong = 0
    let cpu = process.cpuUsage()
    for (let id = 0; id < 500; id++) {
      if (id === 2) cpu = process.cpuUsage()
      const answer = await (id < 2 ? first : later).time(() => load(id))
      if (answer !== id) wrong++
    }
    const { user, system } = process.cpuUsage(cpu)
    const neutral = [await cache.get('k', 'default'), await cache.set('k', 1), await cache.getMany(['a'], 0)]
    if (JSON.stringify(neutral) !== '["default",false,[0]]') wrong++
    const source = new RangeError('of the source')
    const failing = cached(cache, { ttl: 10, key: 'failing' }, () => Promise.reject(source))
    if ((await failing().catch((error) => error)) !== source) wrong++
    const measured = {
      first: first.max,
      p50: later.quantile(0.5),
      p99: later.quantile(0.99),
      cpu: round((user + system) / 1_000 / later.count),
      wrong,
      events: heard.unavailable,
      reports: heard.errors.length,
    }
    const isFirstInTime = within(first.max, READ + WRITE + SLACK + first.lateness)
    const inTime = isFirstInTime && within(measured.p50, 1) && within(measured.cpu, 1)
    const once = heard.unavailable === 1 && heard.errors.length === 1
    report('A1', 'a Redis that was never up costs two deadlines, then nothing', measured, inTime && once && wrong === 0)
  })

  it('A5: connections are cut 20 times a second', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url })
    const { backend, cache } = watched
    const load = cached(cache, { ttl: 60, key: 'k:{0}' }, async (id: number) => id)
    await cache.init()
    let isOver = false
    const cutting = (async () => {
      for (let cut = 0; cut < 30; cut++) {
        await server.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        await wait(50)
      }
      isOver = true
    })()
    let [sent, acknowledged, exceptions, wrong] = [0, 0, 0, 0]
    while (!isOver || acknowledged === 0) {
      const ids = Array.from({ length: 20 }, (_, at) => sent + at)
      const asks = ids.map(async (id) => (await load(id)) === id || wrong++)
      const batch = Array.from({ length: 20 }, () => backend.incr(`once:${sent++}`, 1, 60_000))
      for (const { status } of await Promise.allSettled(batch)) if (status === 'fulfilled') acknowledged++
      for (const { status } of await Promise.allSettled(asks)) if (status === 'rejected') exceptions++
      await wait(1)
    }
    await cutting
    await eventually(() => backend.ping('back').then(Boolean, () => false))
    const counts = await Promise.all(Array.from({ length: sent }, (_, at) => backend.get(`once:${at}`)))
    const doubled = counts.filter((count) => typeof count === 'number' && count > 1).length
    const measured = { sent, acknowledged, doubled, exceptions, wrong }
    const pass = doubled + exceptions + wrong === 0 && acknowledged > 0
    report('A5', 'no command is carried out twice, and no caller gets an exception', measured, pass)
  })

  it('A7: a command was carried out, and its reply was lost', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using watched = watchedCache({ port: proxy.port, host: '127.0.0.1' })
    const { backend, cache, namespace } = watched
    await cache.init()
    const { locks } = backend
    const rounds = 20
    let [doubled, deadlocks] = [0, 0]
    for (let at = 0; at < rounds; at++) {
      proxy.delay({ down: 60 })
      const lost = [backend.incr(`count:${at}`, 1, 60_000), locks.acquire(`lock:${at}`, 'me', 60_000)]
      await eventually(() => server.admin.get(`${namespace}count:${at}`))
      proxy.heal()
      proxy.reset()
      await Promise.allSettled(lost)
      await eventually(() => backend.ping('back').then(Boolean, () => false))
      if ((await backend.get(`count:${at}`)) !== 1) doubled++
      if (!(await locks.acquire(`lock:${at}`, 'me', 60_000))) deadlocks++
    }
    const measured = { rounds, doubled, deadlocks }
    report('A7', 'it counts once, and a lock knows its owner', measured, doubled === 0 && deadlocks === 0)
  })

  it('A8: a write timed out, and somebody else wrote', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using watched = watchedCache({ port: proxy.port, host: '127.0.0.1' })
    const { backend, cache, namespace } = watched
    await using other = watchedCache({ url: server.url, namespace }, PATIENT)
    await cache.init()
    const rounds = 5
    let overwritten = 0
    for (let at = 0; at < rounds; at++) {
      proxy.blackhole()
      const written = await cache.set(`k:${at}`, 'mine')
      await other.cache.set(`k:${at}`, 'theirs')
      proxy.heal()
      proxy.reset()
      await eventually(() => backend.ping('back').then(Boolean, () => false))
      await eventually(() => cache.set('probe', 1))
      if (written || (await other.cache.get(`k:${at}`)) !== 'theirs') overwritten++
    }
    report('A8', 'a write that timed out is never sent again', { rounds, overwritten }, overwritten === 0)
  })

  it('A9: Redis is out of memory', async () => {
    await using server = await startRedis({ args: ['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction'] })
    await using watched = watchedCache({ url: server.url }, PATIENT)
    const { cache, heard } = watched
    const tags = createTags(cache)
    await cache.set('small', 1, { ttl: 60 })
    await cache.set('tagged', 1, { ttl: 60, tags: ['tag'] })
    let written = 0
    const block = randomBytes(100_000)
    while (written < 100 && (await cache.set(`k:${written}`, block))) written++
    const refused = await cache.set('more', block)
    await server.admin.config('SET', 'maxmemory', '1') // not even the smallest value fits
    const works = [
      await cache.get('small'),
      await cache.expire('small', 120),
      Math.round((await cache.getExpire('small')) ?? 0),
      await cache.delete('small'),
      await tags.delete('tag'),
      (await cache.get('tagged')) ?? 'gone',
      await cache.delete('k:0'),
      await cache.clear(),
    ]
    await server.admin.config('SET', 'maxmemory', '3mb')
    works.push(await cache.set('again', 1))
    const measured = { written, refused: !refused, reports: heard.errors.length, works: JSON.stringify(works) }
    const pass =
      !refused && heard.errors.length > 0 && measured.works === '[1,true,120,true,true,"gone",true,null,true]'
    report('A9', 'set answers false, everything that frees memory works', measured, pass)
  })

  it('A10: is a replica that cannot be written to', async () => {
    await using master = await startRedis()
    await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', `${master.port}`] })
    await using watched = watchedCache({ url: replica.url }, PATIENT)
    const { cache, heard, namespace } = watched
    await using writer = watchedCache({ url: master.url, namespace }, PATIENT)
    await writer.cache.setMany({ k: 'stored', other: 'stored' })
    await eventually(async () => (await cache.get('other')) === 'stored')
    const refused = [await cache.set('k', 'mine')]
    const reports = heard.errors.filter((error) => String(error).includes('READONLY')).length
    await eventually(async () => (await cache.get('k')) === 'stored')
    refused.push(await cache.delete('other'))
    await replica.admin.replicaof('NO', 'ONE')
    await eventually(() => cache.set('k', 'written'))
    const found = [await cache.get('k'), await cache.get('other')]
    const measured = { refused: JSON.stringify(refused), reports, found: found.join() }
    const pass = measured.refused === '[false,false]' && reports === 1 && measured.found === 'written,'
    report(
      'A10',
      'writes answer false until it is made the master, which carries out what it refused to delete',
      measured,
      pass,
    )
  })

  it('A17: scripts vanish', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url }, { suppress: false, ...PATIENT })
    const { cache } = watched
    let errors = 0
    const rounds = 30
    for (let at = 0; at < rounds; at++) {
      await server.admin.script('FLUSH')
      await Promise.all([
        cache.set(`k:${at}`, at),
        cache.setMany({ a: 1, b: 2 }),
        cache.incr('count'),
        cache.getOrSet(`load:${at}`, () => at),
        cache.deleteMany(['x', 'y']),
      ]).catch(() => errors++)
    }
    const count = await cache.get('count')
    report('A17', 'scripts are sent anew', { rounds, errors, count: Number(count) }, errors === 0 && count === rounds)
  })

  it('A18: a value of 64 MB and a key of 1 MB', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url }, PATIENT)
    const { cache } = watched
    await cache.init()
    const received = async () => Number(/total_net_input_bytes:(\d+)/.exec(await server.admin.info('stats'))?.[1])
    const before = await received()
    const refusals = await Promise.allSettled([
      cache.set('k', Buffer.alloc(64 * 1024 ** 2, randomBytes(64))),
      cache.set('k'.repeat(1024 ** 2), 1),
      cache.get('k'.repeat(1024 ** 2)),
    ])
    const refused = refusals.filter(({ status }) => status === 'rejected').length
    const bytes = (await received()) - before
    report('A18', 'what is too large is refused before it is sent', { refused, bytes }, refused === 3 && bytes < 1_000)
  })

  it('A19: a key holds something else', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url }, PATIENT)
    const { cache, namespace, heard } = watched
    await server.admin.lpush(`${namespace}k`, 'x')
    const found = [await cache.get('k', 'miss'), await cache.getOrSet('k', () => 'loaded'), await cache.get('k')]
    const measured = { found: JSON.stringify(found), reports: heard.errors.length }
    const pass = measured.found === '["miss","loaded","loaded"]' && heard.errors.length > 0
    report('A19', 'it is a miss and an event, and a write repairs it', measured, pass)
  })

  it('A20: garbage under our keys', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url }, PATIENT)
    const { cache, namespace, heard } = watched
    const count = 10_000
    const pipeline = server.admin.pipeline()
    for (let at = 0; at < count; at++) pipeline.set(`${namespace}k:${at}`, randomBytes(at % 64))
    await pipeline.exec()
    const keys = Array.from({ length: count }, (_, at) => `k:${at}`)
    let failures = 0
    const single = await Promise.all(keys.map((key) => cache.get(key, 'miss').catch(() => void failures++)))
    const values = single.filter((value) => value !== 'miss' && typeof value !== 'number').length
    const pure = Object.keys(Object.prototype).length === 0
    const measured = { count, failures, values, decodeErrors: heard.errors.length }
    report('A20', 'garbage is a miss', measured, failures === 0 && values === 0 && pure && heard.errors.length > 0)
  })

  it('A21: with suppress: false the caller hears of it in time', async () => {
    await using server = await startRedis()
    await using closed = watchedCache({ port: CLOSED_PORT, host: '127.0.0.1' }, { suppress: false })
    await using watched = watchedCache({ url: server.url }, { suppress: false })
    await watched.cache.init()
    const times: Record<string, number> = {}
    let [right, lateness] = [0, 0]
    const ask = async (what: string, { cache }: typeof watched) => {
      const stopwatch = new Stopwatch()
      await wait(0)
      const error = await stopwatch.time(() => cache.get('k')).catch((raised) => raised)
      if (error instanceof BackendUnavailableError) right++
      times[what] = round(stopwatch.max)
      lateness = Math.max(lateness, stopwatch.lateness)
    }
    await ask('closed', closed)
    server.freeze()
    await ask('frozen', watched)
    server.thaw()
    await server.kill()
    await ask('killed', watched)
    const inTime = within(Math.max(...Object.values(times)), READ + SLACK + lateness)
    report('A21', 'BackendUnavailableError within the deadline', { ...times, right }, right === 3 && inTime)
  })

  it('A22: accepts no more clients', async () => {
    await using server = await startRedis()
    await using other = watchedCache({ url: server.url }, PATIENT)
    await other.cache.init()
    await server.admin.config('SET', 'maxclients', '2')
    await using watched = watchedCache({ url: server.url })
    const { cache, heard } = watched
    const rejected = async () => Number(/rejected_connections:(\d+)/.exec(await server.admin.info('stats'))?.[1])
    const start = performance.now()
    const found = String(await cache.get('k', 'default'))
    await eventually(async () => {
      await cache.get('k')
      return (await rejected()) >= 5
    })
    const seconds = (performance.now() - start) / 1_000
    const perSecond = round((await rejected()) / seconds)
    await other.cache.close()
    await eventually(() => cache.set('k', 1))
    const measured = { found, perSecond, events: heard.unavailable, reports: heard.errors.length }
    const pass = found === 'default' && perSecond <= 10 && heard.unavailable === 1 && heard.errors.length === 1
    report('A22', 'it is skipped, without a storm of connections, until there is room', measured, pass)
  })

  it.each(['fast', 'locked', 'serializable'] as const)(
    'F7: Redis runs out of memory before a %s transaction commits',
    async (mode) => {
      await using server = await startRedis()
      await using watched = watchedCache({ url: server.url }, PATIENT)
      const { cache } = watched
      const commit = async (change: () => Promise<unknown>) => {
        await cache.setMany({ a: 'old', b: 'old' })
        const full = async () => {
          await change()
          await server.admin.config('SET', 'maxmemory', '1')
        }
        const isDone = await transaction(cache, full, { mode }).then(
          () => true,
          () => false,
        )
        await server.admin.config('SET', 'maxmemory', '0')
        return `${isDone} ${(await cache.getMany(['a', 'b', 'c'])).join()}`
      }
      const written = await commit(() => cache.setMany({ a: 'new', b: 'new', c: 'new' }))
      const replaced = await commit(async () => {
        await cache.delete('a')
        await cache.setMany({ b: 'new', c: 'new' })
      })
      // Redis does not refuse a script that has begun by freeing memory.
      const pass = written === 'false old,old,' && ['true ,new,new', 'false old,old,'].includes(replaced)
      report('F7', 'all of it is applied, or nothing', { mode, written, replaced }, pass)
    },
  )
})
