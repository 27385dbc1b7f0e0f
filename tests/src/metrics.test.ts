import { memory } from '@cashews/backend-memory'
import { bloom } from '@cashews/bloom'
import { type Backend, BackendError, type Cache, createCache, outsideTransaction } from '@cashews/core'
import { metrics } from '@cashews/prometheus'
import { cached, early, soft } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { transaction } from '@cashews/transactions'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { altered, fakeTime, hangs, sickStore } from './support/helpers.ts'

/** The value of one series in a registry. */
async function seriesOf(registry: Registry, name: string, labels: Record<string, string>): Promise<number | undefined> {
  const metric = await registry.getSingleMetric(name)?.get()
  const found = metric?.values.find(({ labels: own }) =>
    Object.entries(labels).every(([label, value]) => (own as Record<string, unknown>)[label] === value),
  )
  return found?.value
}

describe.each(stores)('metrics on $name', ({ create }) => {
  let registry: Registry
  let cache: Cache
  beforeEach(() => {
    registry = new Registry()
    cache = createCache({ onError: () => undefined }).setup(create(), { middlewares: [metrics({ registry })] })
  })
  afterEach(async () => {
    await cache.clear()
    await cache.close()
  })

  it('count every read once, wherever the value came from', async () => {
    await cache.get('a')
    await cache.set('a', 1)
    for (let time = 0; time < 10; time++) await cache.get('a')
    await cache.getMany(['a', 'b'])
    const backend = (cache.engine.routes[0] as { backend: { name: string } }).backend.name
    expect(await seriesOf(registry, 'cashews_get_operation_total', { backend, result: 'hit' })).toBe(11)
    expect(await seriesOf(registry, 'cashews_get_operation_total', { backend, result: 'miss' })).toBe(2)
  })

  it.each([
    ['cached', () => cached(cache, { ttl: 60, key: 'key' }, async () => 1)],
    ['early', () => early(cache, { ttl: 60, earlyTtl: 50, key: 'key' }, async () => 1)],
    ['soft', () => soft(cache, { ttl: 60, softTtl: 50, key: 'key' }, async () => 1)],
  ])('count each hit of %s once, wherever the value came from', async (_, wrap) => {
    const load = wrap()
    await cache.init()
    for (let time = 0; time < 6; time++) await load()
    const backend = (cache.engine.routes[0] as { backend: { name: string } }).backend.name
    expect(await seriesOf(registry, 'cashews_get_operation_total', { backend, result: 'hit' })).toBe(5)
    expect(await seriesOf(registry, 'cashews_get_operation_total', { backend, result: 'miss' })).toBe(1)
  })

  it('count calls, runs and shared loads by template', async () => {
    const load = cached(cache, { ttl: 60, key: 'k:{id}' }, async (id: string) => id)
    await Promise.all(Array.from({ length: 10 }, () => load('a')))
    for (let time = 0; time < 5; time++) await load('a')
    const calls = (result: string) => seriesOf(registry, 'cashews_calls_total', { template: 'k:{id}', result })
    expect([await calls('miss'), await calls('shared'), await calls('hit')]).toEqual([1, 9, 5])
  })

  it('count the answers of a filter that did not call its function', async () => {
    const exists = bloom(cache, { name: 'emails', capacity: 100 }, async (email: string) => email.length > 3)
    await exists.setMany(['ada@example.com'])
    for (let time = 0; time < 3; time++) await exists('nobody')
    await exists('ada@example.com')
    const calls = (result: string) => seriesOf(registry, 'cashews_calls_total', { template: 'emails', result })
    expect([await calls('hit'), await calls('miss')]).toEqual([3, 1])
  })
})

describe('metrics', () => {
  it('count transactions by outcome', async () => {
    const registry = new Registry()
    const cache = createCache()
      .setup(stores[0]?.create() as never)
      .use(metrics({ registry }))
    await transaction(cache, () => cache.set('a', 1))
    await expect(transaction(cache, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    const ended = (outcome: string) => seriesOf(registry, 'cashews_transactions_total', { outcome })
    expect([await ended('committed'), await ended('rolled back')]).toEqual([1, 1])
    await transaction(cache, (control) => control.rollback())
    expect([await ended('committed'), await ended('rolled back')]).toEqual([1, 2])
    const inParts = transaction(cache, async (control) => {
      await control.rollback()
      await cache.set('a', 2)
      await control.commit()
    })
    await inParts
    expect([await ended('committed'), await ended('rolled back')]).toEqual([2, 2])
    await cache.close()
  })

  it('count transactions that conflicted, and those that the store refused', async () => {
    const registry = new Registry()
    let refuses = false
    const store = stores[0]?.create() as Backend
    const refusing = altered(store, {
      apply: (...args) => {
        if (refuses) throw new BackendError('read only')
        return store.apply(...args)
      },
    })
    const cache = createCache({ onError: () => undefined })
      .setup(refusing)
      .use(metrics({ registry }))
    const ended = async () => {
      const metric = await registry.getSingleMetric('cashews_transactions_total')?.get()
      return Object.fromEntries(metric?.values.map(({ labels, value }) => [labels.outcome, value]) ?? [])
    }
    let runs = 0
    const overtaken = transaction(
      cache,
      async () => {
        const seen = await cache.get('a')
        if (++runs < 3) await outsideTransaction(() => cache.set('a', runs))
        await cache.set('b', seen)
      },
      { mode: 'serializable' },
    )
    await overtaken
    expect(await ended()).toEqual({ conflict: 2, committed: 1 })
    refuses = true
    await expect(transaction(cache, () => cache.set('a', 1))).rejects.toThrow(BackendError)
    expect(await ended()).toEqual({ conflict: 2, committed: 1, failed: 1 })
    await transaction(cache, () => cache.set('a', 1), { suppress: true })
    expect(await ended()).toEqual({ conflict: 2, committed: 1, failed: 2 })
    await cache.close()
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  it('show a store that is away and the number of its outages, beside another store of the same name', async () => {
    fakeTime()
    const registry = new Registry()
    const store = sickStore()
    const cache = createCache({ onError: () => undefined }).setup(store, { middlewares: [metrics({ registry })] })
    await using other = createCache().setup(sickStore(), { middlewares: [metrics({ registry })] })
    await other.set('a', 1)
    const up = () => seriesOf(registry, 'cashews_backend_up', { backend: 'sick' })
    await cache.get('a')
    expect(await up()).toBe(1)
    store.health.illness = hangs
    const reads = [cache.get('a'), cache.get('a')]
    await vi.advanceTimersByTimeAsync(500)
    await Promise.all(reads)
    expect(await up()).toBe(0)
    expect(await seriesOf(registry, 'cashews_outages_total', { backend: 'sick' })).toBe(1)
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await up()).toBe(1)
    await cache.close()
  })

  it('omit what a store does not count', async () => {
    const registry = new Registry()
    const uncounted = altered(memory(), { name: 'uncounted', usage: undefined } as never)
    const cache = createCache().setup(memory()).setup(uncounted, { prefix: 'x:' })
    cache.use(metrics({ registry }))
    await cache.set('x:a', 1)
    expect(await seriesOf(registry, 'cashews_entries', { backend: 'memory' })).toBe(0)
    expect(await seriesOf(registry, 'cashews_entries', { backend: 'uncounted' })).toBeUndefined()
    expect(await seriesOf(registry, 'cashews_bytes', {})).toBeUndefined()
    await cache.close()
  })

  it('label writes with their first tag', async () => {
    const registry = new Registry()
    const cache = createCache()
      .setup(memory())
      .use(metrics({ registry, withTag: true }))
    createTags(cache)
    await cache.set('user:1', 1, { tags: ['users', 'people'] })
    await cache.set('item:1', 1)
    const counts = (await registry.metrics()).match(/latency_seconds_count\{operation="set".*/g)
    expect(counts).toEqual([expect.stringMatching(/tag="users"} 1$/), expect.stringMatching(/tag=""} 1$/)])
    await cache.close()
  })

  it('give no read the tag that its result will have, since a hit could not have it either', async () => {
    const registry = new Registry()
    const cache = createCache()
      .setup(memory())
      .use(metrics({ registry, withTag: true }))
    createTags(cache)
    const user = cached(cache, { ttl: 60, key: 'user:{id}', tags: ['users'] }, async (id: string) => id)
    const item = cached(cache, { ttl: 60, key: 'item:{id}', tags: (id) => [id] }, async (id: string) => id)
    for (const read of [user, user, item, item]) await read('1')
    const labels = { backend: 'memory', tag: '' }
    expect(await seriesOf(registry, 'cashews_get_operation_total', { ...labels, result: 'hit' })).toBe(2)
    expect(await seriesOf(registry, 'cashews_get_operation_total', { ...labels, result: 'miss' })).toBe(2)
    await cache.close()
  })

  it('show the client-side copies of a store', async () => {
    const registry = new Registry()
    const clientSide = { live: true, staleness: 250, hits: 7, misses: 2, refused: 1, flushes: 0, invalidations: 3 }
    const store = altered(stores[0]?.create() as never, { clientSide } as never)
    const cache = createCache().setup(store, { middlewares: [metrics({ registry })] })
    expect(await seriesOf(registry, 'cashews_client_side_staleness_seconds', {})).toBe(0.25)
    expect(await seriesOf(registry, 'cashews_client_side_live', {})).toBe(1)
    for (const event of ['hits', 'misses', 'refused', 'flushes', 'invalidations'] as const)
      expect(await seriesOf(registry, 'cashews_client_side_events_total', { event })).toBe(clientSide[event])
    clientSide.live = false
    expect(await seriesOf(registry, 'cashews_client_side_live', {})).toBe(0)
    expect(await seriesOf(registry, 'cashews_client_side_staleness_seconds', {})).toBeUndefined()
    await cache.close()
  })
})
