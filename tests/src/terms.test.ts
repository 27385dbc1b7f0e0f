import { type Cache, createCache, currentTerms, NotStoredError, onTerms } from '@cashews/core'
import { cached, early, failover, hit, iterator, soft } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, fakeTime, gate, settle } from './support/helpers.ts'

describe.each(stores)('terms of a read on $name', ({ create, elapse }) => {
  let cache: Cache
  beforeEach(() => {
    fakeTime()
    cache = createCache().setup(create())
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** A function that counts its calls. */
  const counter = (ttl: Parameters<typeof cached>[1]['ttl'] = '1m') => {
    let calls = 0
    return cached(cache, { ttl: ttl as '1m', key: 'counter' }, async () => ++calls)
  }

  it('accept a value that is young enough, and replace an older one for everybody', async () => {
    const count = counter()
    await count()
    await elapse(10_000)
    expect(await onTerms({ maxAge: 10 }, () => count())).toBe(1)
    await elapse(1_000)
    expect(await onTerms({ maxAge: 10 }, () => count())).toBe(2)
    expect(await count()).toBe(2)
  })

  it('replace a value that would expire too soon', async () => {
    const count = counter()
    await count()
    await elapse(30_000)
    expect(await onTerms({ minFresh: 30 }, () => count())).toBe(1)
    expect(await onTerms({ minFresh: 31 }, () => count())).toBe(2)
  })

  it('replace a value of unknown age', async () => {
    const count = counter((() => '1m') as never)
    await count()
    expect(await onTerms({ maxAge: 10 }, () => count())).toBe(2)
  })

  it('know the age when a ttl function states its maximum', async () => {
    const count = counter(Object.assign(() => '1m', { longest: '1m' }) as never)
    await count()
    expect(await onTerms({ maxAge: 10 }, () => count())).toBe(1)
    await elapse(11_000)
    expect(await onTerms({ maxAge: 10 }, () => count())).toBe(2)
  })

  it('that allow only stored values reject otherwise, without running the function', async () => {
    const count = counter()
    await expect(onTerms({ onlyStored: true }, () => count())).rejects.toThrow(NotStoredError)
    expect(await count()).toBe(1)
    expect(await onTerms({ onlyStored: true }, () => count())).toBe(1)
    await expect(onTerms({ onlyStored: true, minFresh: 61 }, () => count())).rejects.toThrow(NotStoredError)
  })

  it('that allow only stored values keep strategies from replacing a value that they would not use', async () => {
    let calls = 0
    const load = async () => ++calls
    const stale = { ttl: '1m', key: 'key' } as const
    const [softly, waiting, twice] = [
      soft(cache, { ...stale, softTtl: '1s' }, load),
      early(cache, { ...stale, earlyTtl: '1s', background: false }, load),
      hit(cache, { ...stale, cacheHits: 1 }, load),
    ]
    for (const fn of [softly, waiting, twice, twice]) await fn()
    await elapse(2_000)
    const onlyStored = (fn: () => Promise<number>) => onTerms({ onlyStored: true }, fn)
    expect(await onlyStored(softly)).toBe(1)
    await expect(onlyStored(waiting)).rejects.toThrow(NotStoredError)
    await expect(onlyStored(twice)).rejects.toThrow(NotStoredError)
    expect(calls).toBe(3)
  })

  it('apply to hit', async () => {
    let calls = 0
    const quote = hit(cache, { ttl: '1m', key: 'quote', cacheHits: 10 }, async () => ++calls)
    await quote()
    await elapse(5_000)
    expect(await onTerms({ maxAge: 5 }, () => quote())).toBe(1)
    expect(await onTerms({ maxAge: 4 }, () => quote())).toBe(2)
    expect(await quote()).toBe(2)
  })

  it('apply to iterator', async () => {
    let calls = 0
    const pages = iterator(cache, { ttl: '1m', key: 'pages' }, async function* () {
      yield ++calls
    })
    const read = async () => (await all(pages()))[0]
    await expect(onTerms({ onlyStored: true }, read)).rejects.toThrow(NotStoredError)
    expect(await read()).toBe(1)
    await elapse(5_000)
    expect(await onTerms({ onlyStored: true, maxAge: 5 }, read)).toBe(1)
    expect(await onTerms({ maxAge: 4 }, read)).toBe(2)
  })

  it('apply to getOrSet', async () => {
    const load = vi.fn(() => 1)
    await cache.getOrSet('key', load, { ttl: '1m' })
    await elapse(5_000)
    await onTerms({ maxAge: 5 }, () => cache.getOrSet('key', load, { ttl: '1m' }))
    expect(load).toHaveBeenCalledTimes(1)
    await onTerms({ maxAge: 4 }, () => cache.getOrSet('key', load, { ttl: '1m' }))
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('do not apply to other callers who share the load', async () => {
    const opened = gate()
    const slow = cached(cache, { ttl: '1m', key: 'slow' }, async () => opened.promise.then(() => 'done'))
    const refused = onTerms({ onlyStored: true }, () => slow())
    const other = slow()
    await expect(refused).rejects.toThrow(NotStoredError)
    opened.open()
    expect(await other).toBe('done')
  })

  it('do not apply to a refresh in the background', async () => {
    let calls = 0
    const seen: unknown[] = []
    const rates = early(cache, { ttl: '1m', earlyTtl: '10s', key: 'rates' }, async () => {
      seen.push(currentTerms())
      return ++calls
    })
    await rates()
    await elapse(11_000)
    expect(await onTerms({ onlyStored: true }, () => rates())).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    await settle()
    expect(await rates()).toBe(2)
    expect(seen).toEqual([undefined, undefined])
  })

  it.each([
    ['soft', (load: () => Promise<number>) => soft(cache, { ttl: '1m', key: 'key' }, load)],
    ['failover', (load: () => Promise<number>) => failover(cache, { ttl: '1m', key: 'key' }, load)],
    ['early', (load: () => Promise<number>) => early(cache, { ttl: '1m', key: 'key' }, load)],
    [
      'early without a background',
      (load: () => Promise<number>) => early(cache, { ttl: '1m', background: false, key: 'key' }, load),
    ],
  ])('get no old result that does not meet them from %s, with tags or without', async (_, wrap) => {
    const load = vi.fn(async () => 1)
    const wrapped = wrap(load)
    await wrapped()
    await elapse(11_000)
    load.mockRejectedValue(new Error('upstream'))
    await expect(onTerms({ maxAge: 10 }, () => wrapped())).rejects.toThrow('upstream')
    createTags(cache)
    await expect(onTerms({ maxAge: 10 }, () => wrapped())).rejects.toThrow('upstream')
    expect(await wrapped()).toBe(1)
  })
})
