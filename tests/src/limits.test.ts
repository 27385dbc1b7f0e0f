import { memory } from '@cashews/backend-memory'
import { handClock, reference } from '@cashews/conformance'
import { BackendUnavailableError, type Cache, type Clock, createCache, MISS } from '@cashews/core'
import { failover, RateLimitError, rateLimit, slidingRateLimit } from '@cashews/strategies'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { altered, fakeTime, sickStore } from './support/helpers.ts'

describe.each(stores)('on $name', ({ create, elapse }) => {
  let cache: Cache
  beforeEach(() => {
    fakeTime()
    cache = createCache().setup(create())
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  const outcomes = async (calls: readonly Promise<unknown>[]) => {
    const settled = await Promise.allSettled(calls)
    return settled.map(({ status }) => status === 'fulfilled')
  }
  const burst = (count: number, call: () => Promise<unknown>) => outcomes(Array.from({ length: count }, call))

  describe('rateLimit', () => {
    it('allows exactly the limit of calls in a period, also when they are concurrent', async () => {
      const run = vi.fn(async () => 1)
      const call = rateLimit(cache, { limit: 10, period: '1m', key: 'k' }, run)
      expect((await burst(100, call)).filter(Boolean)).toHaveLength(10)
      expect(run).toHaveBeenCalledTimes(10)
      await elapse(60_000)
      expect(await burst(11, call)).toEqual([...Array(10).fill(true), false])
    })

    it('limits each key separately', async () => {
      const call = rateLimit(cache, { limit: 1, period: '1m', key: 'u:{user}' }, async (user: string) => user)
      expect([await call('a'), await call('b')]).toEqual(['a', 'b'])
      await expect(call('a')).rejects.toThrow(RateLimitError)
    })

    it('rejects with the limit, the remaining calls and the time to retry', async () => {
      const call = rateLimit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 1)
      await call()
      await elapse(20_000)
      const error = (await call().catch((refused: unknown) => refused)) as RateLimitError
      expect(error).toBeInstanceOf(RateLimitError)
      expect(error).toMatchObject({ code: 'CASHEWS_RATE_LIMIT', limit: 1, remaining: 0, retryAfter: 40 })
      expect(error.resetAt).toEqual(new Date(Date.now() + 40_000))
    })

    it('refuses for the ttl, which further calls do not prolong', async () => {
      const call = rateLimit(cache, { limit: 1, period: '10s', ttl: '60s', key: 'k' }, async () => 1)
      await burst(2, call)
      await elapse(30_000)
      expect(await burst(3, call)).toEqual([false, false, false])
      await elapse(30_000)
      expect(await burst(1, call)).toEqual([true])
    })

    it('refuses for the ttl, which calls in other processes do not prolong', async () => {
      const here = rateLimit(cache, { limit: 1, period: '10s', ttl: '60s', key: 'k' }, async () => 1)
      const elsewhere = rateLimit(cache, { limit: 1, period: '10s', ttl: '60s', key: 'k' }, async () => 1)
      await burst(2, here)
      await elapse(30_000)
      expect(await burst(1, elsewhere)).toEqual([false])
      await elapse(30_000)
      expect(await burst(1, elsewhere)).toEqual([true])
    })

    it('writes nothing while it is flooded, and starts again when the counter is gone', async () => {
      const backend = create()
      const incr = vi.spyOn(backend, 'incr')
      const own = createCache().setup(backend)
      const call = rateLimit(own, { limit: 2, period: '1m', key: 'k' }, async () => 1)
      await burst(3, call)
      incr.mockClear()
      expect(await burst(100, call)).not.toContain(true)
      expect(incr).not.toHaveBeenCalled()
      await own.clear()
      await elapse(1_000)
      expect(await burst(3, call)).toEqual([true, true, false])
      await elapse(60_000)
      expect(await burst(3, call)).toEqual([true, true, false])
      await own.close()
    })

    it('gives the time left at the moment the error is read', async () => {
      const call = rateLimit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 1)
      await call()
      const error = (await call().catch((refused: unknown) => refused)) as RateLimitError
      await elapse(45_000)
      expect(error.retryAfter).toBe(15)
      const later = (await call().catch((refused: unknown) => refused)) as RateLimitError
      expect(later.retryAfter).toBe(15)
      await elapse(60_000)
      expect(error.retryAfter).toBe(0)
    })

    it('returns the result of an action, which receives the refusal and the arguments', async () => {
      const call = rateLimit(
        cache,
        { limit: 1, period: '1m', key: 'k', action: async ({ limit }, user) => `${user} over ${limit}` },
        async (user: string) => user,
      )
      expect([await call('a'), await call('a')]).toEqual(['a', 'a over 1'])
    })

    it('gives the latest possible date when the counter never expires', async () => {
      const call = rateLimit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 1)
      await cache.incr(call.key(), 2)
      await expect(call()).rejects.toThrow(RateLimitError)
      await expect(call()).rejects.toThrow('Try again at +275760-09-13T00:00:00.000Z.')
    })

    it('starts again when it is invalidated', async () => {
      const call = rateLimit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 1)
      await call()
      await expect(call()).rejects.toThrow(RateLimitError)
      await call.invalidate()
      expect(await call()).toBe(1)
    })

    it('refuses nobody while the cache is switched off', async () => {
      const call = rateLimit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 1)
      await call()
      await expect(call()).rejects.toThrow(RateLimitError)
      cache.disable()
      expect(await call()).toBe(1)
      cache.enable()
      await expect(call()).rejects.toThrow(RateLimitError)
    })
  })

  it('tells a caller refused as the period ends to come again at once', async () => {
    const ending = createCache().setup(altered(create(), { timeLeft: () => MISS }))
    const call = rateLimit(ending, { limit: 1, period: '1m', key: 'k' }, async () => 1)
    await call()
    await expect(call()).rejects.toMatchObject({ code: 'CASHEWS_RATE_LIMIT', retryAfter: 0 })
    await ending.close()
  })

  it.each(['rateLimit', 'slidingRateLimit'] as const)('reports a refusal of %s that nobody handles', async (name) => {
    const limit = { rateLimit, slidingRateLimit }[name] as typeof rateLimit
    const call = limit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 1)
    await call()
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    try {
      const unhandled = new Promise((resolve) => process.once('unhandledRejection', resolve))
      void call()
      expect(await unhandled).toBeInstanceOf(RateLimitError)
    } finally {
      for (const listener of others) process.on('unhandledRejection', listener)
    }
  })

  describe('slidingRateLimit', () => {
    it('allows exactly the limit of calls, also when they are concurrent', async () => {
      const call = slidingRateLimit(cache, { limit: 10, period: '1m', key: 'k' }, async () => 1)
      const allowed = burst(50, call)
      await elapse(10_000)
      expect((await allowed).filter(Boolean)).toHaveLength(10)
    })

    it('allows a call as soon as an old one leaves the window, also for a caller who keeps trying', async () => {
      const call = slidingRateLimit(cache, { limit: 2, period: '300ms', key: 'k' }, async () => 1)
      const allowed: boolean[] = []
      for (let nth = 0; nth < 20; nth++) {
        allowed.push(...(await burst(1, call)))
        await elapse(60)
      }
      expect(allowed.filter(Boolean).length).toBe(8)
    })

    it('allows a call exactly a period after the oldest in the window, and not a moment before', async () => {
      const call = slidingRateLimit(cache, { limit: 2, period: '300ms', key: 'k' }, async () => 1)
      await call()
      await elapse(100)
      await call()
      await elapse(199)
      expect(await burst(1, call)).toEqual([false])
      await elapse(1)
      expect(await burst(1, call)).toEqual([true])
    })

    it('rejects with the time when the oldest call leaves the window', async () => {
      const call = slidingRateLimit(cache, { limit: 2, period: '60s', key: 'k' }, async () => 1)
      await call()
      await elapse(20_000)
      await call()
      await elapse(10_000)
      const error = (await call().catch((refused: unknown) => refused)) as RateLimitError
      expect(error).toMatchObject({ code: 'CASHEWS_RATE_LIMIT', limit: 2, remaining: 0, retryAfter: 30 })
      expect(error.resetAt).toEqual(new Date(Date.now() + 30_000))
      await elapse(30_000)
      expect([...(await burst(1, call)), ...(await burst(1, call))]).toEqual([true, false])
    })

    it('never allows more than the limit in any window, at random times', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.nat(150), { maxLength: 40 }),
          fc.integer({ min: 1, max: 5 }),
          async (gaps, limit) => {
            const period = 300
            const fresh = createCache().setup(create())
            const call = slidingRateLimit(fresh, { limit, period: { milliseconds: period }, key: 'k' }, async () => 1)
            const admitted: number[] = []
            for (const gap of gaps) {
              await elapse(gap)
              if ((await burst(1, call))[0]) admitted.push(Date.now())
            }
            await fresh.close()
            for (const start of admitted)
              expect(admitted.filter((at) => at >= start && at < start + period).length).toBeLessThanOrEqual(limit)
          },
        ),
        { numRuns: 30 },
      )
    })

    it('can be answered by a failover around it when the limit is reached', async () => {
      let page = 0
      const next = slidingRateLimit(cache, { limit: 1, period: '1m', key: 'next' }, async () => ++page)
      const safe = failover(cache, { ttl: '10m', errors: [RateLimitError], key: 'safe' }, () => next())
      expect([await safe(), await safe(), await safe()]).toEqual([1, 1, 1])
    })
  })

  it('refuses invalid limits', () => {
    expect(() => rateLimit(cache, { limit: 0, period: '1m', key: 'k' }, async () => 1)).toThrow(
      'limit must be a whole number from 1 on, not 0.',
    )
    expect(() => rateLimit(cache, { limit: 1, key: 'k' } as never, async () => 1)).toThrow(
      "rateLimit needs a period, such as period: '1m'.",
    )
    expect(() => slidingRateLimit(cache, { limit: -1, period: 1, key: 'k' }, async () => 1)).toThrow(/limit/)
    expect(() => slidingRateLimit(cache, { limit: 1, period: 1, ttl: 2 } as never, async () => 1)).toThrow(
      /takes the options .* not ttl\.$/,
    )
  })
})

describe.each([
  ['memory', (clock: Clock) => memory({ clock })],
  ['reference', (clock: Clock) => reference({ clock })],
])('slidingRateLimit on %s', (_, create) => {
  it('uses the clock of the store, whatever the clock of the host', async () => {
    const clock = handClock()
    const cache = createCache().setup(create(clock))
    const call = slidingRateLimit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 1)
    vi.useFakeTimers({ now: clock.now(), toFake: ['Date'] })
    await call()
    for (const skew of [-3_600_000, -15_000, 15_000, 3_600_000]) {
      vi.setSystemTime(clock.now() + skew)
      await expect(call()).rejects.toMatchObject({ retryAfter: 60 })
    }
    clock.elapse(60_000)
    expect(await call()).toBe(1)
    await cache.close()
    vi.useRealTimers()
  })
})

it.each([
  ['memory', (clock: Clock) => memory({ clock })],
  ['reference', (clock: Clock) => reference({ clock })],
])('rateLimit on %s allows calls after the period, even if the clock of the host was set back', async (_, create) => {
  const clock = handClock()
  const cache = createCache().setup(create(clock))
  const call = rateLimit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 1)
  vi.useFakeTimers({ now: clock.now(), toFake: ['Date'] })
  await call()
  await expect(call()).rejects.toThrow(RateLimitError)
  await expect(call()).rejects.toThrow(RateLimitError)
  vi.setSystemTime(clock.now() - 3_600_000)
  clock.elapse(60_000)
  expect(await call()).toBe(1)
  await cache.close()
  vi.useRealTimers()
})

describe('a caller refused by rateLimit in memory, in real time', () => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(memory())
  })
  afterEach(() => cache.close())

  /** Calls often enough to be refused without a read of the store. */
  const flooded = async () => {
    const call = rateLimit(cache, { limit: 1, period: '1h', key: 'k:{user}' }, async (user: string) => user)
    await call('a')
    for (let nth = 0; nth < 3; nth++) await expect(call('a')).rejects.toThrow(RateLimitError)
    return call
  }

  it.each([
    ['deletes the counter', () => cache.delete('rateLimit:k:a')],
    ['clears the store', () => cache.clear()],
    ['sets the counter back', () => cache.set('rateLimit:k:a', 0, { ttl: '1h' })],
    ['deletes by a pattern', () => cache.deleteMatch('rateLimit:*')],
    ['disables the store', async () => cache.disable()],
  ])('is allowed as soon as somebody %s', async (_, lift) => {
    const call = await flooded()
    await lift()
    expect(await call('a')).toBe('a')
  })

  it('is allowed where the store is disabled, and refused elsewhere', async () => {
    const call = await flooded()
    expect(await cache.disabling(['get', 'set', 'incr'], () => call('a'))).toBe('a')
    await expect(call('a')).rejects.toThrow(RateLimitError)
  })

  it('is still refused when another key is written', async () => {
    const call = await flooded()
    await call('b')
    await cache.set('other', 1, { ttl: '1h' })
    await expect(call('a')).rejects.toThrow(RateLimitError)
  })

  it('is allowed as soon as the period is over, however often it tries', async () => {
    const call = rateLimit(cache, { limit: 1, period: '40ms', key: 'k' }, async () => 'let through')
    const outcome = () => call().catch(() => 'refused')
    await expect.poll(outcome, { interval: 1 }).toBe('refused')
    await expect.poll(outcome, { interval: 1 }).toBe('let through')
  })

  it('costs the store no read until something changes', async () => {
    const store = memory()
    const own = createCache().setup(store)
    const call = rateLimit(own, { limit: 1, period: '1h', key: 'k' }, async () => 1)
    await call()
    for (let nth = 0; nth < 3; nth++) await call().catch(() => {})
    const get = vi.spyOn(store, 'get')
    for (let nth = 0; nth < 100; nth++) await expect(call()).rejects.toThrow(RateLimitError)
    expect(get.mock.calls.length).toBeLessThan(10)
    await own.close()
  })

  it('costs the store no write, and is forgotten once more than 10,000 keys are over the limit', async () => {
    const store = memory({ size: 100_000 })
    const incr = vi.spyOn(store, 'incr')
    const own = createCache().setup(store)
    const call = rateLimit(own, { limit: 1, period: '1h', key: 'k:{nth}' }, async (nth: number) => nth)
    const flood = async (keys: number) => {
      for (let nth = 0; nth < keys; nth++) await call(nth).catch(() => {})
    }
    for (let time = 0; time < 2; time++) await flood(10_000)
    incr.mockClear()
    await flood(10)
    expect(incr).not.toHaveBeenCalled()
    for (let time = 0; time < 2; time++) await call(10_000).catch(() => {})
    incr.mockClear()
    await expect(call(0)).rejects.toThrow(RateLimitError)
    expect(incr).toHaveBeenCalledTimes(1)
    await own.close()
  })
})

it('allows calls while the store is away', async () => {
  const store = sickStore()
  store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
  const cache = createCache({ onError: () => {} }).setup(store)
  const call = rateLimit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 1)
  const sliding = slidingRateLimit(cache, { limit: 1, period: '1m', key: 's' }, async () => 1)
  expect([await call(), await call(), await sliding(), await sliding()]).toEqual([1, 1, 1, 1])
  await cache.close()
})
