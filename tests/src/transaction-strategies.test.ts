import { type Cache, createCache } from '@cashews/core'
import {
  cached,
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
} from '@cashews/strategies'
import { outsideTransaction, type TransactionMode, transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all } from './support/helpers.ts'
import { PATIENT } from './support/patience.ts'

const MODES: readonly TransactionMode[] = ['locked', 'fast', 'serializable']
/** Strategies inside a transaction do the same on each store, so one store is enough. */
const cases = stores.flatMap((store, at) => (at === 0 ? MODES : MODES.slice(0, 1)).map((mode) => ({ ...store, mode })))
const rollback = new Error('rolled back')

describe.each(cases)('in a $mode transaction on $name', ({ create, mode }) => {
  let cache: Cache
  const inside = <T>(fn: () => Promise<T>): Promise<T> => transaction(cache, fn, { mode })
  const rolledBack = (fn: () => Promise<unknown>): Promise<unknown> =>
    expect(
      inside(async () => {
        await fn()
        throw rollback
      }),
    ).rejects.toBe(rollback)

  beforeEach(() => {
    cache = createCache({ onError: (error) => expect.unreachable(String(error)) }).setup(create(), PATIENT)
  })
  afterEach(async () => {
    await cache.clear()
    await cache.close()
  })

  const load = () => {
    let calls = 0
    return async () => ++calls
  }
  const options = { ttl: '1m', key: 'key' } as const
  const strategies = {
    cached: () => cached(cache, options, load()),
    dynamic: () => dynamic(cache, options, load()),
    early: () => early(cache, { ...options, earlyTtl: '50s' }, load()),
    soft: () => soft(cache, { ...options, softTtl: '50s' }, load()),
    hit: () => hit(cache, { ...options, cacheHits: 9 }, load()),
    failover: () => failover(cache, options, load()),
  }

  it.each(Object.entries(strategies))('%s stores and invalidates with the commit', async (_, make) => {
    const answer = make()
    await rolledBack(answer)
    expect(await answer.peek()).toBe(undefined)
    await inside(async () => {
      const made = await answer()
      await rolledBack(() => answer.invalidate())
      expect(await answer.peek()).toBe(made)
    })
    expect(await answer.peek()).toBe(2)
    await inside(async () => {
      await answer.invalidate()
      expect(await answer.peek()).toBe(undefined)
      expect(await outsideTransaction(() => answer.peek())).toBe(2)
    })
    expect(await answer.peek()).toBe(undefined)
  })

  it('failover falls back on what was stored inside, and not on what was invalidated inside', async () => {
    const answers = vi.fn(async () => 'good')
    const answer = failover(cache, options, answers)
    await inside(async () => {
      await answer()
      answers.mockRejectedValue(new Error('down'))
      expect(await answer()).toBe('good')
    })
    await inside(async () => {
      expect(await answer()).toBe('good')
      await answer.invalidate()
      await expect(answer()).rejects.toThrow('down')
    })
  })

  it('iterator stores for the transaction, and for everybody with the commit', async () => {
    const began = vi.fn()
    const numbers = iterator(cache, options, async function* () {
      began()
      yield* [1, 2]
    })
    const twice = async () => {
      for (const _ of 'ab') expect(await all(numbers())).toEqual([1, 2])
    }
    await rolledBack(twice)
    expect(began).toHaveBeenCalledTimes(1)
    await inside(twice)
    await twice()
    expect(began).toHaveBeenCalledTimes(2)
  })

  it('locked excludes calls of several transactions, and singleFlight does not share their runs', async () => {
    let running = 0
    const alone = locked(cache, { key: 'alone', ttl: '20s' }, async () => {
      expect(++running).toBe(1)
      await cache.get('anything')
      running--
    })
    await Promise.all([inside(alone), inside(alone), alone()])
    const shared = singleFlight(cache, { key: 'shared' }, load())
    expect(await inside(async () => Promise.all([shared(), shared(), outsideTransaction(shared)]))).toEqual([1, 1, 2])
  })

  it.each(['rateLimit', 'slidingRateLimit'] as const)(
    'the action of %s takes part, as the function does',
    async (strategy) => {
      const write = () => cache.set('key', 'written')
      const options = { limit: 1, period: '1m', key: 'limited', action: write } as const
      const limited =
        strategy === 'rateLimit' ? rateLimit(cache, options, write) : slidingRateLimit(cache, options, write)
      await limited()
      await cache.delete('key')
      await rolledBack(async () => {
        await limited()
        expect(await cache.get('key')).toBe('written')
      })
      expect(await cache.get('key')).toBeUndefined()
      await rolledBack(limited)
      expect(await cache.get('key')).toBeUndefined()
    },
  )

  it('detect reports what the transaction finds', async () => {
    const answer = strategies.cached()
    const { calls } = await cache.detect(() => inside(async () => [await answer(), await answer()]))
    expect(calls.key?.map(({ hit }) => hit)).toEqual([false, true])
    const seen = inside(async () => {
      await cache.set('own', 1)
      return cache.detect(() => cache.getMany(['own']).then(() => cache.get('own')))
    })
    expect((await seen).calls.own?.every(({ hit }) => hit)).toBe(true)
  })
})
