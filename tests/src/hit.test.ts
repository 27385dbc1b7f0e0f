import { type Cache, createCache, keyContext, registerKeyContext } from '@cashews/core'
import { cached, dynamic, hit, withErrors } from '@cashews/strategies'
import { transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, fakeTime, gate } from './support/helpers.ts'

describe.each(stores)('hit on $name', ({ create, elapse }) => {
  let cache: Cache
  beforeEach(() => {
    fakeTime()
    cache = createCache().setup(create())
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  const counter = () => {
    const run = vi.fn(async () => run.mock.calls.length)
    return run
  }
  const times = async (count: number, call: () => Promise<unknown>) => {
    const answers: unknown[] = []
    for (let nth = 0; nth < count; nth++) answers.push(await call())
    return answers
  }

  it('returns a result as often as set, then computes it again', async () => {
    const load = hit(cache, { ttl: '1m', cacheHits: 2, key: 'k' }, counter())
    expect(await times(8, load)).toEqual([1, 1, 1, 2, 2, 2, 3, 3])
  })

  it('counts exactly with many concurrent callers, who share the runs', async () => {
    const run = counter()
    const load = hit(cache, { ttl: '1m', cacheHits: 10, key: 'k' }, run)
    await load()
    const answers = await Promise.all(Array.from({ length: 100 }, () => load()))
    expect(answers.filter((answer) => answer === 1)).toHaveLength(10)
    for (const result of new Set(answers)) {
      const loadedFor = answers.filter((answer) => answer === result).length
      expect(loadedFor).toBeLessThanOrEqual(100)
    }
    expect(run.mock.calls.length).toBeLessThan(20)
  })

  it('refreshes in the background at the hit set by updateAfter', async () => {
    const load = hit(cache, { ttl: '1m', cacheHits: 4, updateAfter: 2, key: 'k' }, counter())
    expect(await times(3, load)).toEqual([1, 1, 1])
    await elapse(0)
    expect(await load()).toBe(2)
  })

  it('lets the caller of that hit wait for the fresh result with background: false', async () => {
    const load = hit(cache, { ttl: '1m', cacheHits: 4, updateAfter: 2, background: false, key: 'k' }, counter())
    expect(await times(4, load)).toEqual([1, 1, 2, 2])
  })

  it('runs once for the hits during a refresh that a caller waits for', async () => {
    const fresh = gate()
    const run = vi.fn(async () => {
      if (run.mock.calls.length === 2) await fresh.promise
      return run.mock.calls.length
    })
    const load = hit(cache, { ttl: '1m', cacheHits: 4, updateAfter: 1, background: false, key: 'k' }, run)
    await load()
    const waiting = load()
    expect(await load()).toBe(1)
    await elapse(0)
    fresh.open()
    expect(await waiting).toBe(2)
    expect(run).toHaveBeenCalledTimes(2)
  })

  it.each([
    { background: true, answers: [1, 1, 1, 2] },
    { updateAfter: 2, background: false, answers: [1, 1, 2, 2] },
  ])('answers with the fresh result when the counter of the old one cannot be deleted: $answers', async (options) => {
    const { answers, ...own } = options
    const lost = new Error('lost')
    const onError = vi.fn()
    const strict = createCache({ onError }).setup(create(), {
      middlewares: [(call, next) => (call.command === 'delete' ? Promise.reject(lost) : next(call))],
    })
    const load = hit(strict, { ttl: '1m', cacheHits: 2, key: 'k', ...own }, counter())
    expect(await times(4, load)).toEqual(answers)
    expect(onError).toHaveBeenCalledExactlyOnceWith(lost)
    await strict.close()
  })

  it('forgets the result after the ttl', async () => {
    const load = hit(cache, { ttl: '1s', cacheHits: 100, key: 'k' }, counter())
    await load()
    await elapse(1_000)
    expect(await load()).toBe(2)
  })

  it('leaves no counter behind when it is invalidated or renewed', async () => {
    const load = hit(cache, { ttl: '1m', cacheHits: 1, key: 'k' }, counter())
    await times(6, load)
    expect(await cache.getKeysCount()).toBeLessThanOrEqual(2)
    await load.invalidate()
    expect(await cache.getKeysCount()).toBe(0)
  })

  it('leaves no counter behind when a ttl given by the call or by the result ends', async () => {
    const options = { cacheHits: 3, key: 'k:{0}' }
    const byCall = hit(cache, { ...options, ttl: () => '10s' as const }, async (id: number) => id)
    const byResult = hit(cache, { ...options, ttlFromResult: () => '10s' as const }, async (id: number) => id)
    for (let nth = 0; nth < 2; nth++) await Promise.all([byCall(1), byResult(2)])
    await elapse(10_100)
    expect(await cache.getKeysCount()).toBe(0)
  })

  it('takes a ttl that depends on the call', async () => {
    const load = hit(cache, { ttl: () => '1s', cacheHits: 5, key: 'k' }, counter())
    expect(await times(2, load)).toEqual([1, 1])
  })

  it.each(['fast', 'locked', 'serializable'] as const)(
    'goes on counting after a %s transaction that was to replace the result was rolled back',
    async (mode) => {
      const load = hit(cache, { ttl: '1m', cacheHits: 2, key: 'k' }, counter())
      const rollBack = (inside: () => Promise<unknown>) =>
        transaction(cache, (tx) => inside().then(() => tx.rollback()), { mode })
      expect(await times(2, load)).toEqual([1, 1])
      await rollBack(() => load.invalidate())
      expect(await load()).toBe(1)
      await rollBack(load)
      expect(await load()).toBe(3)
    },
  )

  it('tells detect why a value was computed', async () => {
    const load = hit(cache, { ttl: '1m', cacheHits: 1, key: 'k' }, counter())
    await load()
    expect((await cache.detect(() => load())).calls['hit:k']).toMatchObject([{ strategy: 'hit', hit: true }])
    expect((await cache.detect(() => load())).calls['hit:k']?.at(-1)).toMatchObject({ hit: false, reason: 'used up' })
  })

  it('stores errors with withErrors, and counts their hits', async () => {
    const run = vi.fn(async (): Promise<number> => {
      throw new TypeError('no')
    })
    const load = hit(cache, { ttl: '1m', cacheHits: 1, key: 'k', condition: withErrors(TypeError) }, run)
    for (let nth = 0; nth < 3; nth++) await expect(load()).rejects.toThrow(TypeError)
    expect(run).toHaveBeenCalledTimes(2)
  })

  it.each([undefined, 1])(
    'does not reuse a used-up result when the condition rejects the new one, updateAfter %s',
    async (updateAfter) => {
      const how = updateAfter === undefined ? {} : { updateAfter, background: false }
      const first = (result: unknown) => result === 1
      const load = hit(cache, { ttl: '1m', cacheHits: 2, key: 'k', condition: first, ...how }, counter())
      expect((await times(6, load)).slice(3)).toEqual(updateAfter ? [3, 4, 5] : [2, 3, 4])
    },
  )

  it('refreshes at a later hit when the refresh before was still under way', async () => {
    const opened = gate()
    cache.use(async (call, next) => {
      if (call.command === 'unlock') await opened.promise
      return next(call)
    })
    const load = hit(cache, { ttl: '1m', cacheHits: 10, updateAfter: 1, key: 'k' }, counter())
    await times(2, load)
    await elapse(0)
    expect(await load()).toBe(2)
    opened.open()
    await elapse(0)
    expect(await load()).toBe(2)
    await elapse(0)
    expect(await load()).toBe(3)
  })

  it('throws no result, even if it looks like a stored error', async () => {
    const load = hit(cache, { ttl: '1m', cacheHits: 2, key: 'k' }, async () => JSON.parse('{"\\u0000error":"theirs"}'))
    expect(await load()).toEqual({ '\0error': 'theirs' })
    expect(await load()).toEqual({ '\0error': 'theirs' })
    expect(await load.peek()).toEqual({ '\0error': 'theirs' })
  })

  it.each([
    ['in the background', { cacheHits: 2, updateAfter: 1 }, 2],
    ['while its caller waits', { cacheHits: 2, updateAfter: 1, background: false }, 2],
    ['once it is used up', { cacheHits: 1 }, 3],
  ])('leaves no counter of a result that was replaced %s', async (_, how, calls) => {
    const load = hit(cache, { ttl: '1m', key: 'k', ...how }, counter())
    await times(calls, load)
    await vi.waitFor(async () => expect(await load.peek()).toBe(2))
    await elapse(0)
    expect(await all(cache.scan('*:hits:*'))).toEqual([])
  })

  it('counts a call that finds a new result instead of the used-up one, up to the last that may', async () => {
    const held = gate()
    const asked = gate()
    let isSlow = false
    cache.use(async (call, next) => {
      const answer = await next(call)
      if (call.command === 'incr' && isSlow) {
        isSlow = false
        asked.open()
        await held.promise
      }
      return answer
    })
    const run = counter()
    const load = hit(cache, { ttl: '1m', cacheHits: 1, key: 'k' }, run)
    expect(await times(2, load)).toEqual([1, 1])
    isSlow = true
    const late = load()
    await asked.promise
    expect(await load()).toBe(2)
    held.open()
    expect(await late).toBe(2)
    expect(run).toHaveBeenCalledTimes(2)
    expect(await load()).toBe(3)
  })

  it('refuses invalid counts', () => {
    expect(() => hit(cache, { ttl: 1, cacheHits: 0, key: 'k' }, counter())).toThrow(
      /cacheHits must be a whole number from 1 on, not 0/,
    )
    const refreshingAt = (updateAfter: number) => () =>
      hit(cache, { ttl: 1, cacheHits: 2, updateAfter, key: 'k' }, counter())
    for (const hits of [0, 1.5, 3]) expect(refreshingAt(hits)).toThrow(/updateAfter must be from 1 to 2/)
    for (const hits of [1, 2]) expect(refreshingAt(hits)).not.toThrow()
  })

  it('refreshes in the background in the key context of the caller', async () => {
    registerKeyContext('tenant')
    const inner = cached(cache, { ttl: '1m', key: 'inner:{@tenant}' }, counter())
    const load = hit(cache, { ttl: '1m', cacheHits: 2, updateAfter: 1, key: 'k' }, () => inner())
    await keyContext({ tenant: 'acme' }, async () => {
      await load()
      await cache.delete('inner:acme')
      await load()
      await vi.waitFor(async () => expect(await cache.get('inner:acme')).toBe(2))
    })
  })

  it('is called dynamic with its defaults, which refresh at each first hit', async () => {
    const load = dynamic(cache, { key: 'k' }, counter())
    expect(await times(2, load)).toEqual([1, 1])
    await elapse(0)
    expect(await load()).toBe(2)
    await elapse(0)
    expect(await load()).toBe(3)
  })

  it('is dynamic with the default of each option that is undefined', async () => {
    const none = { ttl: undefined, cacheHits: undefined, updateAfter: undefined } as object
    const load = dynamic(cache, { key: 'k', ...none }, counter())
    expect(await times(2, load)).toEqual([1, 1])
    await elapse(0)
    expect(await load()).toBe(2)
  })
})
