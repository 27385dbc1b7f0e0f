import { getEventListeners } from 'node:events'
import { type Cache, createCache, loadSignal } from '@cashews/core'
import {
  cached,
  circuitBreaker,
  dynamic,
  early,
  failover,
  hit,
  iterator,
  locked,
  rateLimit,
  singleFlight,
  slidingRateLimit,
  soft,
  type Wrapped,
} from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, fakeTime, gate, settle } from './support/helpers.ts'

type ById = (id: number) => Promise<number>
type ByIdOptions = { ttl: '1m'; key: string; timeCondition?: '50ms' }
const BY_ID: ByIdOptions = { ttl: '1m', key: 'k:{0:raw}' }

describe.each(stores)('a call on $name', ({ create, elapse }) => {
  let cache: Cache
  beforeEach(() => {
    fakeTime()
    cache = createCache().setup(create())
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  describe('with a signal', () => {
    it('leaves a shared load by itself, while the others get the value', async () => {
      const opened = gate<string>()
      const run = vi.fn(() => opened.promise)
      const load = cached(cache, { ttl: '1m', key: 'k' }, run)
      const controller = new AbortController()
      const leaving = load.with({ signal: controller.signal })()
      const staying = load()
      await settle()
      controller.abort(new Error('enough'))
      await expect(leaving).rejects.toThrow('enough')
      opened.open('value')
      expect(await staying).toBe('value')
      expect(await load.peek()).toBe('value')
      expect(run).toHaveBeenCalledTimes(1)
    })

    it('aborts the load when the last caller leaves: nothing is stored, and nobody joins it', async () => {
      const opened = gate<string>()
      let inside: AbortSignal | undefined
      let runs = 0
      const load = cached(cache, { ttl: '1m', key: 'k' }, async () => {
        if (++runs > 1) return 'second'
        inside = loadSignal()
        return opened.promise
      })
      const [one, other] = [new AbortController(), new AbortController()]
      const leaving = [one, other].map(({ signal }) =>
        load
          .with({ signal })()
          .catch((error: Error) => error.message),
      )
      await settle()
      one.abort(new Error('first'))
      await settle()
      expect(inside?.aborted).toBe(false)
      other.abort(new Error('last'))
      expect(await Promise.all(leaving)).toEqual(['first', 'last'])
      expect(inside?.reason).toEqual(new Error('last'))
      expect(await load()).toBe('second')
      opened.open('outdated')
      await settle()
      expect(await load.peek()).toBe('second')
    })

    it('leaves no listener at a signal that lives on', async () => {
      const { signal } = new AbortController()
      const load = cached(cache, { ttl: '1m', key: 'k' }, async () => 1)
      await load.with({ signal })()
      await settle()
      expect(getEventListeners(signal, 'abort')).toEqual([])
    })

    it('runs nothing when it was aborted before', async () => {
      const run = vi.fn(async () => 1)
      const load = cached(cache, { ttl: '1m', key: 'k' }, run)
      await expect(load.with({ signal: AbortSignal.abort(new Error('no')) })()).rejects.toThrow('no')
      expect(run).not.toHaveBeenCalled()
    })

    it('leaves a load during whose synchronous part it was aborted', async () => {
      const controller = new AbortController()
      let inside: AbortSignal | undefined
      const load = cached(cache, { ttl: '1m', key: 'k' }, () => {
        controller.abort(new Error('enough'))
        inside = loadSignal()
        return new Promise<string>(() => {})
      })
      await expect(load.with({ signal: controller.signal })()).rejects.toThrow('enough')
      expect(inside?.reason).toEqual(new Error('enough'))
    })

    it('aborts the nested loads of an aborted load, unless others wait for them', async () => {
      const opened = gate<string>()
      let innermost: AbortSignal | undefined
      const inner = cached(cache, { ttl: '1m', key: 'in' }, async () => {
        innermost = loadSignal()
        return opened.promise
      })
      const outer = cached(cache, { ttl: '1m', key: 'out' }, async () => inner())
      const controller = new AbortController()
      const leaving = outer
        .with({ signal: controller.signal })()
        .catch(() => 'left')
      await settle()
      controller.abort()
      expect(await leaving).toBe('left')
      await settle()
      expect(innermost?.aborted).toBe(true)
      opened.open('late')
    })

    it('starts no nested load once it was aborted', async () => {
      const opened = gate()
      const run = vi.fn(async () => 'late')
      const inner = cached(cache, { ttl: '1m', key: 'in' }, run)
      const outer = cached(cache, { ttl: '1m', key: 'out' }, async () => {
        await opened.promise
        return inner()
      })
      const controller = new AbortController()
      const leaving = outer.with({ signal: controller.signal })()
      const left = expect(leaving).rejects.toThrow('enough')
      await settle()
      controller.abort(new Error('enough'))
      await left
      opened.open()
      await settle()
      expect(run).not.toHaveBeenCalled()
    })

    it('leaves a load with tags that another call had begun', async () => {
      createTags(cache)
      const opened = gate<string>()
      const load = cached(cache, { ttl: '1m', key: 'k', tags: ['t'] }, async () => opened.promise)
      const first = load()
      await settle()
      const controller = new AbortController()
      const done = vi.fn()
      load.with({ signal: controller.signal })().catch(done)
      await settle()
      controller.abort(new Error('enough'))
      await settle()
      expect(done).toHaveBeenCalledExactlyOnceWith(new Error('enough'))
      opened.open('late')
      expect(await first).toBe('late')
    })
  })

  describe('of a strategy that stores no result, with a signal', () => {
    type Load = (key: string) => Promise<string>
    const alone = {
      locked: (run: Load) => locked(cache, { ttl: '1m', key: 'k:{id}', args: ['id'] }, run),
      rateLimit: (run: Load) => rateLimit(cache, { limit: 9, period: '1m', key: 'k:{id}', args: ['id'] }, run),
      slidingRateLimit: (run: Load) =>
        slidingRateLimit(cache, { limit: 9, period: '1m', key: 'k:{id}', args: ['id'] }, run),
      circuitBreaker: (run: Load) =>
        circuitBreaker(cache, { errorsRate: 50, period: '1m', ttl: '1m', key: 'k:{id}', args: ['id'] }, run),
    }
    const every = { ...alone, singleFlight: (run: Load) => singleFlight(cache, { key: 'k:{id}', args: ['id'] }, run) }

    it.each(Object.entries(every))('rejects at once, and the run receives the abort: %s', async (_, strategy) => {
      const opened = gate<string>()
      let inside: AbortSignal | undefined
      const load = strategy(async () => {
        inside = loadSignal()
        return opened.promise
      })
      const controller = new AbortController()
      const leaving = load.with({ signal: controller.signal })('a')
      const left = expect(leaving).rejects.toThrow('enough')
      await settle()
      expect(inside?.aborted).toBe(false)
      controller.abort(new Error('enough'))
      await left
      expect(inside?.reason).toEqual(new Error('enough'))
      opened.open('late')
    })

    it.each(Object.entries(every))('rejects when the run aborts it before its first await: %s', async (_, strategy) => {
      const controller = new AbortController()
      const load = strategy(() => {
        controller.abort(new Error('enough'))
        return new Promise(() => {})
      })
      await expect(load.with({ signal: controller.signal })('a')).rejects.toThrow('enough')
    })

    it.each(Object.entries(every))('gets the answer when it is not aborted: %s', async (_, strategy) => {
      const { signal } = new AbortController()
      expect(await strategy(async (id) => id).with({ signal })('a')).toBe('a')
    })

    it.each(Object.entries(every))('runs nothing when it was aborted before: %s', async (_, strategy) => {
      const run = vi.fn(async (id: string) => id)
      const signal = AbortSignal.abort(new Error('no'))
      await expect(strategy(run).with({ signal })('a')).rejects.toThrow('no')
      expect(run).not.toHaveBeenCalled()
    })

    it('leaves a shared run to the others, and aborts it when the last one leaves', async () => {
      const opened = gate<string>()
      let inside: AbortSignal | undefined
      let runs = 0
      const load = every.singleFlight(async () => {
        if (++runs > 1) return 'second'
        inside = loadSignal()
        return opened.promise
      })
      const [one, other] = [new AbortController(), new AbortController()]
      const leaving = [one, other].map(({ signal }) =>
        load
          .with({ signal })('a')
          .catch((error: Error) => error.message),
      )
      await settle()
      one.abort(new Error('first'))
      await settle()
      expect(inside?.aborted).toBe(false)
      other.abort(new Error('last'))
      expect(await Promise.all(leaving)).toEqual(['first', 'last'])
      expect(inside?.aborted).toBe(true)
      expect(await load('a')).toBe('second')
      opened.open('late')
    })
  })

  describe.each<[string, (options: ByIdOptions, fn: ById) => Wrapped<ById>]>([
    ['cached', (options, fn) => cached(cache, options, fn)],
    ['early', (options, fn) => early(cache, { ...options, earlyTtl: '30s' }, fn)],
    ['soft', (options, fn) => soft(cache, { ...options, softTtl: '30s' }, fn)],
    ['hit', (options, fn) => hit(cache, { ...options, cacheHits: 9 }, fn)],
    ['dynamic', (options, fn) => dynamic(cache, options, fn)],
    ['failover', (options, fn) => failover(cache, options, fn)],
  ])('of %s', (_, strategy) => {
    it('is not stored when it was quicker than timeCondition', async () => {
      const load = strategy({ ...BY_ID, timeCondition: '50ms' }, async (took) => {
        await elapse(took)
        return took
      })
      await load(10)
      await load(60)
      expect([await load.peek(10), await load.peek(60)]).toEqual([undefined, 60])
    })

    it('runs the function each time and stores nothing while everything is switched off', async () => {
      const run = vi.fn(async () => 1)
      const load = strategy(BY_ID, run)
      cache.disable()
      expect([await load(1), await load(1)]).toEqual([1, 1])
      expect(run).toHaveBeenCalledTimes(2)
      cache.enable()
      expect(await load.peek(1)).toBeUndefined()
    })
  })

  it('is kept for the ttl minus a random part of it with jitter', async () => {
    vi.spyOn(Math, 'random').mockReturnValueOnce(0).mockReturnValueOnce(0.5)
    const load = cached(cache, { ttl: '100s', jitter: 0.2, key: 'k:{0}' }, async (id: string) => id)
    await load('a')
    await load('b')
    expect([await cache.getExpire('k:a'), await cache.getExpire('k:b')]).toEqual([100, 90])
    vi.restoreAllMocks()
    expect(() => cached(cache, { ttl: 1, jitter: 1, key: 'k' }, async () => 1)).toThrow(/jitter/)
  })

  it('is not stored with nested: false when a strategy inside answered from its cache', async () => {
    const inner = cached(cache, { ttl: '1m', key: 'in' }, async () => 'inner')
    const outer = cached(cache, { ttl: '1m', key: 'out', nested: false }, async () => inner())
    await outer()
    expect(await outer.peek()).toBe('inner')
    await outer.invalidate()
    await outer()
    expect(await outer.peek()).toBeUndefined()
    await elapse(60_000)
    await outer()
    expect(await outer.peek()).toBe('inner')
  })

  it.each<[string, (cache: Cache) => () => Promise<unknown>]>([
    ['hit', (cache) => hit(cache, { ttl: '1m', cacheHits: 9, key: 'in' }, async () => 'inner')],
    ['dynamic', (cache) => dynamic(cache, { key: 'in' }, async () => 'inner')],
    ['getOrSet', (cache) => () => cache.getOrSet('in', async () => 'inner')],
    [
      'iterator',
      (cache) => {
        const items = iterator(cache, { ttl: '1m', key: 'in' }, async function* () {
          yield 'inner'
        })
        return async () => (await all(items())).join()
      },
    ],
  ])('is not stored with nested: false either when %s inside answered', async (_, make) => {
    const inner = make(cache)
    const outer = cached(cache, { ttl: '1m', key: 'out', nested: false }, inner)
    await outer()
    expect(await outer.peek()).toBe('inner')
    await outer.invalidate()
    await outer()
    expect(await outer.peek()).toBeUndefined()
  })

  it('is not stored with nested: false when the inner answer came from the read of another call', async () => {
    const slow = createCache().setup(create(), { middlewares: [async (call, next) => next(call)] })
    const inner = cached(slow, { ttl: '1m', key: 'in' }, async () => 'inner')
    const outer = cached(slow, { ttl: '1m', key: 'out:{0}', nested: false }, async (_: string) => inner())
    await inner()
    await Promise.all([outer('a'), outer('b')])
    expect([await outer.peek('a'), await outer.peek('b')]).toEqual([undefined, undefined])
    await slow.close()
  })

  it('can leave a refresh of hit that it waits for, which is aborted', async () => {
    const opened = gate<string>()
    let inside: AbortSignal | undefined
    let runs = 0
    const options = { ttl: '1m', cacheHits: 2, updateAfter: 1, background: false, key: 'k' } as const
    const load = hit(cache, options, async () => {
      inside = loadSignal()
      return runs++ ? opened.promise : 'old'
    })
    await load()
    const caller = new AbortController()
    const leaving = load
      .with({ signal: caller.signal })()
      .catch((error: Error) => error.message)
    await settle()
    caller.abort(new Error('left'))
    expect(await leaving).toBe('left')
    expect(inside?.aborted).toBe(true)
    opened.open('late')
  })
})
