import {
  type Cache,
  checkCount,
  checkOptions,
  checkThat,
  checkType,
  currentTerms,
  type LoadCall,
  MISS,
  type Milliseconds,
  type NotYetKnown,
  outsideTransaction,
  type ReadThrough,
  Refreshes,
} from '@cashews/core'
import { type CachingOptions, cachingOf } from './caching/caching.ts'
import type { Lasting } from './caching/lifetime.ts'
import type { StoredForm } from './caching/stored-form.ts'
import type { Decorator } from './wrapping/decorator.ts'
import type { AnyFunction, Wrapped } from './wrapping/function-types.ts'

/** Settings of {@link hit}. */
export interface HitOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends CachingOptions<F, K, N> {
  /** How often a stored result is used before it is computed again; at least 1. */
  readonly cacheHits: number
  /** The hit from which on the result is refreshed in the background; at most `cacheHits`. @default never */
  readonly updateAfter?: number | undefined
  /** Whether that refresh runs in the background; `false`: the caller of that hit waits for it. @default true */
  readonly background?: boolean | undefined
}

/**
 * A result, the name of its counter, and how long both are kept. Each result has a counter of its own, so that late
 * hits of an old one do not count for the new one.
 */
type Counted = readonly [result: unknown, generation: string, lifetime: Milliseconds]

const countedForm: StoredForm = {
  pack: (result, lifetime): Counted => [result, crypto.randomUUID(), lifetime],
  unpack: (stored) => (stored as Counted)[0],
  isFresh: isCounted,
}

/**
 * Uses a stored result a given number of times, then computes it again. The count is exact, however many callers and
 * processes share the store.
 *
 * ```ts
 * const getQuote = hit(cache, { ttl: '2h', cacheHits: 100, updateAfter: 90, key: 'quote:{id}' }, async (id: string) => api.quote(id))
 * ```
 *
 * @throws {ConfigurationError} At definition, when `cacheHits` is below 1, or `updateAfter` is never reached.
 */
export function hit<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<HitOptions<NotYetKnown, K, N>>,
): Decorator
export function hit<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<HitOptions<F, K, N>>,
  fn: F,
): Wrapped<F>
export function hit(cache: Cache, options: HitOptions, fn?: AnyFunction): Decorator | Wrapped<AnyFunction> {
  return countingHits(cache, 'hit', options, fn)
}

/** {@link hit} under the name of another strategy. */
export function countingHits(
  cache: Cache,
  strategy: string,
  options: HitOptions,
  fn: AnyFunction | undefined,
): Decorator | Wrapped<AnyFunction> {
  checkOptions(strategy, options)
  const { cacheHits, updateAfter = Number.POSITIVE_INFINITY, background = true } = options
  checkType('boolean', { background })
  checkCount('cacheHits', cacheHits)
  checkThat(
    updateAfter === Number.POSITIVE_INFINITY ||
      (Number.isInteger(updateAfter) && updateAfter >= 1 && updateAfter <= cacheHits),
    `updateAfter must be from 1 to ${cacheHits}`,
    updateAfter,
  )
  const own = ['cacheHits', 'updateAfter', 'background']
  const caching = cachingOf(cache, strategy, options, countedForm, { own, prefix: strategy })

  return caching(fn, (loading) => {
    const apart: ReadThrough<unknown> = { ...loading, sharing: 'apart' }
    const refreshes = new Refreshes(cache.engine)

    const renew = async (call: LoadCall, old: unknown) => {
      const answer = await cache.engine.fly(call, apart)
      await dropReplaced(cache, call.key, old)
      return answer
    }
    /** Computes a result, unless another caller has stored one since this one was used up. */
    const compute = (call: LoadCall, usedUp: unknown) =>
      cache.engine.fly(call, {
        ...loading,
        async found(now, flight) {
          if (isNewer(now, usedUp) && (await countHit(cache, call.key, now)) <= cacheHits) return now[0]
          flight.hit = false
          flight.reason = 'used up'
          const result = await loading.load(flight, (other) => isNewer(other, now))
          await dropReplaced(cache, call.key, now)
          return result
        },
      })
    return {
      async answer(call) {
        const { key } = call
        // Under terms, the load decides whether the stored result meets them.
        const stored = currentTerms() ? MISS : await cache.engine.read(key)
        if (!isCounted(stored)) return compute(call, stored)
        const hits = await countHit(cache, key, stored)
        if (hits > cacheHits) return compute(call, stored)
        if (hits === updateAfter && !background) return renew(call, stored)
        // A hit that comes just before the end of the previous refresh starts none: the next one does.
        if (hits >= updateAfter && background)
          refreshes.start(
            key,
            (now) => isCounted(now) && now[1] === stored[1],
            () => renew({ ...call, signal: undefined }, stored),
          )
        await cache.engine.detectedHit(key, loading.seen, loading.longest)
        return stored[0]
      },
      peek: async (key) => {
        const stored = await cache.engine.read(key)
        return isCounted(stored) ? stored[0] : undefined
      },
      invalidate: async (key) => {
        const old = await cache.engine.read(key)
        const wasThere = await cache.delete(key)
        await dropReplaced(cache, key, old)
        return wasThere
      },
    }
  })
}

/** Counts a use of a stored result, and returns how many there were. */
async function countHit(cache: Cache, key: string, [, generation, lifetime]: Counted): Promise<number> {
  const one = { command: 'incr', key: `${key}:hits:${generation}`, by: 1, lifetime } as const
  return outsideTransaction(() => cache.engine.call<'incr'>(one))
}

/**
 * Deletes the counter of a result that is gone. One that was not replaced stays used up; what a transaction replaces is in use
 * until its commit, so its counter is left to expire. A failure is reported: the counter expires by itself.
 */
async function dropReplaced(cache: Cache, key: string, old: unknown): Promise<void> {
  const drop = async () => {
    const now = await cache.engine.read(key)
    if (isCounted(old) && !(isCounted(now) && now[1] === old[1])) await cache.delete(`${key}:hits:${old[1]}`)
  }
  await outsideTransaction(drop).catch(cache.engine.report)
}

function isCounted(stored: unknown): stored is Counted {
  return Array.isArray(stored) && stored.length === 3 && typeof stored[1] === 'string'
}

/** Whether a result has replaced another. */
function isNewer(now: unknown, old: unknown): now is Counted {
  return isCounted(now) && !(isCounted(old) && now[1] === old[1])
}
