import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { memory } from '@cashews/backend-memory'
import { type Cache, type Call, ConfigurationError, createCache, type Next } from '@cashews/core'
import { metrics } from '@cashews/prometheus'
import { cached, circuitBreaker, early, failover, hit, rateLimit } from '@cashews/strategies'
import { Registry, register } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseExposition } from './exposition.ts'

/** An endpoint as in an application. */
async function serve(registry: Registry): Promise<Server & { readonly url: string }> {
  const server = createServer(async (_, response) => {
    response.setHeader('content-type', registry.contentType)
    response.end(await registry.metrics())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics` })
}

describe('metrics', () => {
  let registry: Registry
  let server: Server & { readonly url: string }
  let cache: Cache
  beforeEach(async () => {
    registry = new Registry()
    server = await serve(registry)
    cache = createCache({ onError: () => undefined })
  })
  afterEach(async () => {
    vi.useRealTimers()
    await cache.close()
    await new Promise((resolve) => server.close(resolve))
  })

  /** The samples of one metric, by their labels: `{a="1"}`. */
  const scrape = async (name: string): Promise<Record<string, number>> => {
    const response = await fetch(server.url)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const families = parseExposition(await response.text())
    const samples = [...families.values()].flatMap((family) => family.samples).filter((sample) => sample.name === name)
    const labelled = (labels: object = {}) =>
      Object.entries(labels)
        .filter(([, value]) => value !== '')
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([label, value]) => `${label}=${value}`)
        .join(' ')
    return Object.fromEntries(samples.map(({ labels, value }) => [labelled(labels), value]))
  }

  it('counts operations and reads, also synchronous ones', async () => {
    cache.setup(memory(), { middlewares: [metrics({ registry })] })
    await cache.get('a')
    await cache.set('a', null)
    for (let time = 0; time < 5; time++) expect(await cache.get('a')).toBeNull()
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual([null, undefined, undefined])
    await cache.delete('a')
    expect(await scrape('cashews_get_operation_total')).toEqual({
      'backend=memory result=hit': 6,
      'backend=memory result=miss': 3,
    })
    expect(await scrape('cashews_operations_latency_seconds_count')).toEqual({
      'backend=memory operation=get': 6,
      'backend=memory operation=set': 1,
      'backend=memory operation=getMany': 1,
      'backend=memory operation=delete': 1,
    })
  })

  it('writes histograms that add up', async () => {
    cache.use(metrics({ registry, buckets: [0.5, 1] })).setup(memory())
    await cache.set('a', 1)
    await cache.get('a')
    const text = await (await fetch(server.url)).text()
    const lines = text.split('\n').filter((line) => line.startsWith('cashews_operations_latency_seconds_'))
    expect(lines.map((line) => line.replace(/ (0\.0\d+|\d\.\d+e-\d+)$/, ' less'))).toEqual([
      'cashews_operations_latency_seconds_bucket{le="0.5",operation="set",backend="memory",tag=""} 1',
      'cashews_operations_latency_seconds_bucket{le="1",operation="set",backend="memory",tag=""} 1',
      'cashews_operations_latency_seconds_bucket{le="+Inf",operation="set",backend="memory",tag=""} 1',
      'cashews_operations_latency_seconds_sum{operation="set",backend="memory",tag=""} less',
      'cashews_operations_latency_seconds_count{operation="set",backend="memory",tag=""} 1',
      'cashews_operations_latency_seconds_bucket{le="0.5",operation="get",backend="memory",tag=""} 1',
      'cashews_operations_latency_seconds_bucket{le="1",operation="get",backend="memory",tag=""} 1',
      'cashews_operations_latency_seconds_bucket{le="+Inf",operation="get",backend="memory",tag=""} 1',
      'cashews_operations_latency_seconds_sum{operation="get",backend="memory",tag=""} 0',
      'cashews_operations_latency_seconds_count{operation="get",backend="memory",tag=""} 1',
    ])
  })

  it('exposes every kind of metric at an endpoint', async () => {
    cache.use(metrics({ registry, withTag: (key) => key })).setup(memory({ size: 3 }))
    const odd = cached(cache, { ttl: 60, key: 'a "quoted" \\\\ {0}' }, async (id: string) => id)
    for (const id of ['a', 'a', 'b\n', 'c', 'd']) await odd(id)
    await cache.lock('job', { ttl: 10 }, async () => undefined)
    const families = parseExposition(await (await fetch(server.url)).text())
    const told = await registry.getMetricsAsJSON()
    expect([...families].map(([name, { type }]) => [name, type])).toEqual(told.map(({ name, type }) => [name, type]))
    for (const { name, values } of told as { name: string; values: { value: number }[] }[])
      expect(families.get(name)?.samples.map(({ value }) => value)).toEqual(values.map(({ value }) => value))
    expect(Object.values(await scrape('cashews_calls_total'))).toEqual([1, 4])
  })

  /** Starts fake timers, and lets time pass in a middleware. */
  const passing = (milliseconds: number) => {
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
    return (call: Call, next: Next) => {
      vi.advanceTimersByTime(milliseconds)
      return next(call)
    }
  }

  it('measures operations in seconds, in the lowest bucket that fits', async () => {
    cache.use(metrics({ registry, buckets: [0.05, 0.25, 1] }), passing(250)).setup(memory())
    await cache.set('a', 1)
    await cache.delete('a')
    expect(await scrape('cashews_operations_latency_seconds_bucket')).toEqual({
      'backend=memory le=0.05 operation=set': 0,
      'backend=memory le=0.25 operation=set': 1,
      'backend=memory le=1 operation=set': 1,
      'backend=memory le=+Inf operation=set': 1,
      'backend=memory le=0.05 operation=delete': 0,
      'backend=memory le=0.25 operation=delete': 1,
      'backend=memory le=1 operation=delete': 1,
      'backend=memory le=+Inf operation=delete': 1,
    })
    expect((await scrape('cashews_operations_latency_seconds_sum'))['backend=memory operation=set']).toBeCloseTo(0.25)
  })

  it('counts operations beyond the highest bound, also failed ones', async () => {
    cache.use(metrics({ registry, buckets: [0.05] }), passing(60)).setup(memory())
    await cache.set('a', 'text')
    await expect(cache.incr('a')).rejects.toThrow('not hold a whole number')
    expect(await scrape('cashews_operations_latency_seconds_bucket')).toEqual({
      'backend=memory le=0.05 operation=set': 0,
      'backend=memory le=+Inf operation=set': 1,
      'backend=memory le=0.05 operation=incr': 0,
      'backend=memory le=+Inf operation=incr': 1,
    })
    expect((await scrape('cashews_operations_latency_seconds_sum'))['backend=memory operation=incr']).toBeCloseTo(0.06)
  })

  it('measures the runs of functions in seconds, also failed ones', async () => {
    passing(0)
    cache.use(metrics({ registry, buckets: [0.1, 1] })).setup(memory())
    const load = cached(cache, { ttl: 60, key: 'k:{id}' }, async (id: string) => {
      vi.advanceTimersByTime(500)
      if (id === 'bad') throw new Error('down')
      return id
    })
    await load('a')
    await expect(load('bad')).rejects.toThrow('down')
    expect((await scrape('cashews_load_seconds_sum'))['template=k:{id}']).toBeCloseTo(1)
    expect(await scrape('cashews_load_seconds_bucket')).toEqual({
      'le=0.1 template=k:{id}': 0,
      'le=1 template=k:{id}': 2,
      'le=+Inf template=k:{id}': 2,
    })
  })

  it('counts no read when a load begins regardless of what is stored', async () => {
    cache.use(metrics({ registry })).setup(memory())
    const load = cached(cache, { ttl: 60, key: 'k' }, async () => 1)
    await load()
    await load.refresh()
    expect(await scrape('cashews_get_operation_total')).toEqual({ 'backend=memory result=miss': 1 })
  })

  it('counts only the reads of the backends it was added to', async () => {
    cache.setup(memory(), { middlewares: [metrics({ registry })] }).setup(memory(), { prefix: 'x:' })
    for (const key of ['a', 'x:a']) {
      await cache.set(key, 1)
      await cache.get(key)
    }
    await cache.get('x:b')
    expect(await scrape('cashews_get_operation_total')).toEqual({ 'backend=memory result=hit': 1 })
    expect(await scrape('cashews_operations_latency_seconds_count')).toEqual({
      'backend=memory operation=get': 1,
      'backend=memory operation=set': 1,
    })
  })

  it('counts a failed operation, and passes on the error', async () => {
    cache.use(metrics({ registry })).setup(memory())
    await cache.set('a', 'text')
    await expect(cache.incr('a')).rejects.toThrow('not hold a whole number')
    expect(await scrape('cashews_operations_latency_seconds_count')).toMatchObject({
      'backend=memory operation=incr': 1,
    })
  })

  it('counts calls by template and outcome: hits, misses, those that share a load, refreshes', async () => {
    cache.use(metrics({ registry })).setup(memory())
    const gate = Promise.withResolvers<string>()
    const getUser = cached(cache, { ttl: 60, key: 'user:{id}' }, async (id: string) => id || gate.promise)
    for (const id of ['a', 'b', 'c', 'a', 'b', 'a']) await getUser(id)
    await getUser.refresh('a')
    const waiting = Array.from({ length: 10 }, () => getUser(''))
    gate.resolve('late')
    await Promise.all(waiting)
    await getUser('')
    expect(await scrape('cashews_calls_total')).toEqual({
      'result=hit template=user:{id}': 4,
      'result=miss template=user:{id}': 4,
      'result=refresh template=user:{id}': 1,
      'result=shared template=user:{id}': 9,
    })
    expect(await scrape('cashews_load_seconds_count')).toEqual({ 'template=user:{id}': 5 })
  })

  it('counts stale answers, and the refreshes behind them', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    cache.use(metrics({ registry })).setup(memory())
    const ran = vi.fn(async (base: string) => base)
    const getRates = early(cache, { ttl: '10m', earlyTtl: '5m', key: 'rates:{0}' }, ran)
    await getRates('EUR')
    await getRates('EUR')
    vi.setSystemTime(Date.now() + 360_000)
    await getRates('EUR')
    await expect
      .poll(() => scrape('cashews_calls_total'))
      .toEqual({
        'result=hit template=early:rates:{0}': 1,
        'result=miss template=early:rates:{0}': 1,
        'result=stale template=early:rates:{0}': 1,
        'result=refresh template=early:rates:{0}': 1,
      })
    expect(ran).toHaveBeenCalledTimes(2)
  })

  it('counts failures of functions, and the stored results that failover returns', async () => {
    cache.use(metrics({ registry })).setup(memory())
    let fails = false
    const status = failover(cache, { ttl: 60, key: 'status' }, async () => {
      if (fails) throw new Error('down')
      return 'up'
    })
    await status()
    fails = true
    expect(await status()).toBe('up')
    expect(await scrape('cashews_load_errors_total')).toEqual({ 'template=fail:status': 1 })
    expect(await scrape('cashews_calls_total')).toEqual({
      'result=refresh template=fail:status': 1,
      'result=stale template=fail:status': 1,
    })
  })

  it('counts the results of a strategy that reports them itself', async () => {
    cache.use(metrics({ registry })).setup(memory())
    const quote = hit(cache, { ttl: 60, cacheHits: 2, key: 'quote' }, async () => 1)
    for (let time = 0; time < 4; time++) await quote()
    expect(await scrape('cashews_calls_total')).toEqual({
      'result=hit template=hit:quote': 2,
      'result=miss template=hit:quote': 2,
    })
  })

  it('counts refused calls, and shows open breakers', async () => {
    cache.use(metrics({ registry })).setup(memory())
    const send = rateLimit(cache, { limit: 2, period: '1m', key: 'send:{to}' }, async (to: string) => to)
    await Promise.allSettled(Array.from({ length: 5 }, () => send('ada')))
    const charge = circuitBreaker(cache, { errorsRate: 50, period: '1m', ttl: '1m', key: 'charge' }, async () => {
      throw new Error('down')
    })
    await Promise.allSettled([charge()])
    await Promise.allSettled([charge(), charge()])
    expect(await scrape('cashews_refused_total')).toEqual({
      'strategy=rateLimit template=rateLimit:send:{to}': 3,
      'strategy=circuitBreaker template=circuitBreaker:charge': 2,
    })
    expect(await scrape('cashews_circuit_changes_total')).toEqual({ 'state=open template=circuitBreaker:charge': 1 })
    expect(await scrape('cashews_circuits')).toEqual({ 'state=open template=circuitBreaker:charge': 1 })
  })

  it('forgets a breaker that it has seen closed', async () => {
    passing(0)
    cache.use(metrics({ registry })).setup(memory())
    let fails = true
    const options = { errorsRate: 50, period: '1m', ttl: '10s', halfOpenTtl: '1s', key: 'charge' } as const
    const charge = circuitBreaker(cache, options, async () => {
      if (fails) throw new Error('down')
      return 'paid'
    })
    await Promise.allSettled([charge()])
    await expect(charge()).rejects.toThrow('charge')
    expect(await scrape('cashews_circuits')).toEqual({ 'state=open template=circuitBreaker:charge': 1 })
    fails = false
    vi.advanceTimersByTime(10_001)
    expect(await charge()).toBe('paid')
    vi.advanceTimersByTime(1_001)
    expect(await charge()).toBe('paid')
    expect(await scrape('cashews_circuits')).toEqual({})
    expect(await scrape('cashews_circuit_changes_total')).toMatchObject({
      'state=open template=circuitBreaker:charge': 1,
      'state=closed template=circuitBreaker:charge': 1,
    })
  })

  it('tracks a bounded number of breakers, and forgets closed ones', async () => {
    cache.use(metrics({ registry })).setup(memory())
    const tell = (at: number, state: 'open' | 'closed') =>
      cache.engine.tell('circuit', {
        template: 'charge:{0}',
        key: `charge:${at}`,
        state,
        strategy: 'circuitBreaker',
      } as never)
    for (let at = 0; at < 12_000; at++) tell(at, 'open')
    expect(await scrape('cashews_circuits')).toEqual({ 'state=open template=charge:{0}': 10_000 })
    for (let at = 0; at < 12_000; at++) tell(at, 'closed')
    expect(await scrape('cashews_circuits')).toEqual({})
  })

  it('measures in seconds how long callers waited for locks', async () => {
    passing(0)
    cache.use(metrics({ registry, buckets: [1, 4] })).setup(memory())
    const lock = await cache.acquireLock('job', { ttl: '1m' })
    const next = cache.acquireLock('job', { ttl: '1m' })
    await vi.advanceTimersByTimeAsync(3_000)
    await lock.release()
    await next
    expect(await scrape('cashews_lock_wait_seconds_sum')).toEqual({ 'result=taken': 3 })
    expect(await scrape('cashews_lock_wait_seconds_bucket')).toEqual({
      'le=1 result=taken': 1,
      'le=4 result=taken': 2,
      'le=+Inf result=taken': 2,
    })
  })

  it('counts attempts to take a lock by their result', async () => {
    cache.use(metrics({ registry })).setup(memory())
    const lock = await cache.acquireLock('job', { ttl: 10 })
    await expect(cache.acquireLock('job', { ttl: 10, wait: false })).rejects.toThrow()
    await lock.release()
    expect(await scrape('cashews_lock_wait_seconds_count')).toEqual({ 'result=taken': 1, 'result=refused': 1 })
  })

  it('counts removals, entries and outcomes of transactions', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    cache.use(metrics({ registry })).setup(memory({ size: 3, maxBytes: 10_000 }), { prefix: '' })
    for (let at = 0; at < 5; at++) await cache.set(`k${at}`, at, { ttl: 10 })
    expect(await scrape('cashews_entries')).toEqual({ 'backend=memory': 3 })
    expect((await scrape('cashews_bytes'))['backend=memory']).toBeGreaterThan(100)
    vi.setSystemTime(Date.now() + 11_000)
    await cache.exists('k4')
    expect(await scrape('cashews_removed_total')).toEqual({
      'backend=memory reason=evicted': 2,
      'backend=memory reason=expired': 1,
    })
    cache.engine.tell('transaction', { mode: 'locked', outcome: 'committed' })
    expect(await scrape('cashews_transactions_total')).toEqual({ 'mode=locked outcome=committed': 1 })
  })

  it('keeps the number of series constant for any number of keys', async () => {
    cache.use(metrics({ registry, withTag: (key) => key })).setup(memory({ size: 100 }))
    const load = cached(cache, { ttl: 60, key: 'k:{id}' }, async (id: number) => id)
    const series = async () => (await (await fetch(server.url)).text()).split('\n').length
    for (let id = 0; id < 2_000; id++) await load(id)
    const before = await series()
    for (let id = 2_000; id < 4_000; id++) await load(id)
    expect(await series()).toBe(before)
    expect(Object.keys(await scrape('cashews_calls_total'))).toEqual(['result=miss template=k:{id}'])
  })

  it('labels operations with the tag that a function makes of the key, also synchronous reads', async () => {
    cache.use(metrics({ registry, withTag: (key) => key.split(':')[0] })).setup(memory())
    await cache.get('user:1')
    await cache.set('item:1', 1)
    for (let time = 0; time < 3; time++) expect(await cache.get('item:1')).toBe(1)
    expect(await scrape('cashews_get_operation_total')).toEqual({
      'backend=memory result=miss tag=user': 1,
      'backend=memory result=hit tag=item': 3,
    })
    expect(await scrape('cashews_operations_latency_seconds_count')).toEqual({
      'backend=memory operation=get tag=user': 1,
      'backend=memory operation=set tag=item': 1,
      'backend=memory operation=get tag=item': 3,
    })
  })

  it('continues after its registry was reset', async () => {
    cache.use(metrics({ registry })).setup(memory())
    await cache.set('a', 1)
    registry.resetMetrics()
    await cache.set('a', 1)
    await cache.get('b')
    expect(await scrape('cashews_operations_latency_seconds_count')).toEqual({
      'backend=memory operation=set': 1,
      'backend=memory operation=get': 1,
    })
    expect(await scrape('cashews_get_operation_total')).toEqual({ 'backend=memory result=miss': 1 })
  })

  it('adds up two caches, each counted once', async () => {
    const other = createCache()
    for (const each of [cache, other]) {
      each.setup(memory(), { middlewares: [metrics({ registry })] })
      each.setup(memory(), { prefix: 'x:', middlewares: [metrics({ registry })] })
      await each.set('a', 1)
      await each.get('a')
      await each.get('x:a')
      const load = cached(each, { ttl: 60, key: 'k' }, async () => 1)
      await load()
      await load()
    }
    expect(await scrape('cashews_get_operation_total')).toEqual({
      'backend=memory result=hit': 4,
      'backend=memory result=miss': 4,
    })
    expect(await scrape('cashews_calls_total')).toEqual({ 'result=hit template=k': 2, 'result=miss template=k': 2 })
    expect(await scrape('cashews_load_seconds_count')).toEqual({ 'template=k': 2 })
    await other.set('b', 1)
    expect(await scrape('cashews_entries')).toEqual({ 'backend=memory': 5, 'backend=memory keys=x:': 0 })
    await other.close()
  })

  it('counts a store that two caches share once', async () => {
    const store = memory()
    const other = createCache()
    for (const each of [cache, other]) each.setup(store, { middlewares: [metrics({ registry })] })
    await cache.set('a', 1)
    expect(await scrape('cashews_entries')).toEqual({ 'backend=memory': 1 })
    await other.close()
  })

  it('uses the global registry, under its own prefix', async () => {
    cache.use(metrics({ prefix: 'my_' })).setup(memory())
    await cache.get('a')
    expect(await register.getSingleMetricAsString('my_get_operation_total')).toContain('result="miss"')
    register.clear()
    metrics({ prefix: 'my_', buckets: [1] })
    expect(register.getSingleMetric('my_get_operation_total')).toBeDefined()
    register.clear()
  })

  it('returns the same middleware for the same registry and prefix', () => {
    expect(metrics({ registry })).toBe(metrics({ registry, prefix: 'cashews_', withTag: false }))
    expect(metrics({ registry, prefix: 'b_' })).not.toBe(metrics({ registry }))
  })

  it('refuses settings that contradict those for the same prefix, or are invalid', () => {
    metrics({ registry })
    expect(() => metrics({ registry, buckets: [1] })).toThrow(ConfigurationError)
    expect(() => metrics({ registery: registry } as object)).toThrow(
      /registry, prefix, withTag, buckets .*not registery/,
    )
    expect(() => metrics({ registry, withTag: true })).toThrow('are already in this registry, with other settings')
    expect(() => metrics({ registry, prefix: '1' })).toThrow('A prefix must consist of')
    expect(() => metrics({ registry, prefix: 'a_', buckets: [2, 1] })).toThrow('each higher than the last')
  })

  it.each([
    [{ buckets: [] }, 'each higher than the last, not []'],
    [{ buckets: [1, Number.NaN] }, 'each higher than the last, not [1,NaN]'],
    [{ buckets: 5 }, 'each higher than the last, not 5'],
    [{ withTag: 'x' }, "withTag must be true, false, or a function that returns the tag of a key, not 'x'"],
    [{ buckets: [Symbol('1')] }, 'each higher than the last, not [Symbol(1)]'],
    [{ prefix: null }, 'A prefix must consist of letters, digits and _, not null'],
    [{ prefix: true }, 'letters, digits and _, not true'],
    [{ registry: {} }, 'registry must be a Registry of prom-client, not Object {}'],
    [{ registry: null }, 'registry must be a Registry of prom-client'],
    [null, 'metrics takes the options { registry, prefix, withTag, buckets }, not null'],
    [5, 'metrics takes the options { registry, prefix, withTag, buckets }, not 5'],
  ])('refuses %j, and says what is valid', (options, message) => {
    const define = () =>
      metrics(options && typeof options === 'object' ? ({ prefix: 'odd_', ...options } as never) : (options as never))
    expect(define).toThrow(ConfigurationError)
    expect(define).toThrow(message)
  })
})

describe('the dashboard', () => {
  it('uses only metrics that exist', async () => {
    const dashboard = await readFile(new URL('../grafana/cashews.json', import.meta.url), 'utf8')
    const docs = await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
    const registry = new Registry()
    metrics({ registry })
    const told = registry.getMetricsAsArray().map(({ name }) => name)
    const queries = [...docs.matchAll(/```promql\n(.*?)```/gs)].map(([, query]) => query)
    const asked = `${dashboard} ${queries}`.match(/cashews_\w+/g) ?? []
    expect(asked.length).toBeGreaterThan(30)
    expect(new Set(asked.map((name) => name.replace(/_(bucket|sum|count)$/, '')))).toEqual(
      new Set(told.filter((name) => asked.some((use) => use.startsWith(name)))),
    )
  })
})
