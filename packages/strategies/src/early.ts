import {
  type Cache,
  checkOptions,
  checkRange,
  checkType,
  currentTerms,
  type Flight,
  type LoadCall,
  MISS,
  mayAnswerStale,
  type NotYetKnown,
  type ReadThrough,
  Refreshes,
} from '@cashews/core'
import { type CachingOptions, cachingOf } from './caching/caching.ts'
import {
  answerStale,
  type Dated,
  datedForm,
  type FreshFor,
  isDated,
  isFresh,
  peekDated,
  readOld,
} from './caching/dated.ts'
import { type Lasting, lifetimeOf } from './caching/lifetime.ts'
import type { Decorator } from './wrapping/decorator.ts'
import type { AnyFunction, Wrapped } from './wrapping/function-types.ts'

/** Settings of {@link early}. */
export interface EarlyOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends CachingOptions<F, K, N> {
  /** The age from which a result is refreshed when it is requested; shorter than `ttl`. @default a third of `ttl` */
  readonly earlyTtl?: FreshFor<Parameters<F>> | undefined
  /**
   * How eagerly results are refreshed even before `earlyTtl`: at random, and the more likely the closer that is and the
   * longer the function took, so that refreshes spread out. 1 is a good value, 0 is off. XFetch: Vattani, Chierichetti,
   * Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015.
   *
   * @default 0
   */
  readonly beta?: number | undefined
  /**
   * Whether a refresh runs in the background; `false`: the caller that finds a stale result waits for it.
   *
   * @default true
   */
  readonly background?: boolean | undefined
}

/**
 * Refreshes results before they expire: past `earlyTtl` the stored result is still returned at once, while the function
 * runs in the background, so that no caller waits for a key that is in use.
 *
 * One refresh runs per key among all processes that share the store. A failed one is reported to the cache's `onError`
 * and retried after a second, while the old result is returned until its `ttl` ends.
 *
 * ```ts
 * const getRates = early(cache, { ttl: '10m', earlyTtl: '7m', key: 'rates:{base}' }, async (base: string) => api.rates(base))
 * ```
 *
 * @throws {ConfigurationError} At definition, when `earlyTtl` is not shorter than `ttl`.
 */
export function early<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<EarlyOptions<NotYetKnown, K, N>>,
): Decorator
export function early<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<EarlyOptions<F, K, N>>,
  fn: F,
): Wrapped<F>
export function early(cache: Cache, options: EarlyOptions, fn?: AnyFunction): Decorator | Wrapped<AnyFunction> {
  checkOptions('early', options)
  const { earlyTtl, background = true, beta = 0 } = options
  checkType('boolean', { background })
  checkRange({ beta }, 0)
  const form = datedForm('earlyTtl', earlyTtl, lifetimeOf('early', options).fixed, beta > 0)
  const caching = cachingOf(cache, 'early', options, form, { own: ['earlyTtl', 'background', 'beta'], prefix: 'early' })
  mayAnswerStale()
  /** Fresh, and not drawn for a refresh before its time. */
  const isGood = (stored: unknown): stored is Dated =>
    isFresh(stored) && (beta === 0 || stored[1] + stored[2] * beta * Math.log(Math.random()) > Date.now())

  return caching(fn, (loading) => {
    const apart: ReadThrough<unknown> = { ...loading, sharing: 'apart' }
    const refreshes = new Refreshes(cache.engine)
    const refreshLater = ({ key, self, args }: LoadCall, old: unknown): void =>
      refreshes.start(
        key,
        (now) => now === old || (isDated(now) && isDated(old) && now[1] === old[1]),
        () => cache.engine.fly({ key, self, args, signal: undefined }, apart),
      )
    /** A result that has not reached its ttl is better than an error. */
    const keepOld = async (flight: Flight, error: unknown, found?: Dated): Promise<unknown> => {
      const old = await readOld(cache, flight, found)
      if (old === undefined) throw error
      cache.engine.report(error)
      return answerStale(flight, old[0])
    }
    const through: ReadThrough<unknown> = {
      ...loading,
      async found(stored, flight) {
        if (isGood(stored)) return stored[0]
        if (!isDated(stored) || !background) {
          flight.hit = false
          flight.reason = isDated(stored) ? 'stale' : 'miss'
          if (!isDated(stored)) return loading.load(flight)
          const isNewer = (now: unknown) => isFresh(now) && now[1] !== stored[1]
          return loading.load(flight, isNewer).catch((error) => keepOld(flight, error, stored))
        }
        if (!isFresh(stored)) flight.stale = true
        refreshLater(flight.call, stored)
        return stored[0]
      },
    }
    /** A result made stale by a tag is returned once more too, unless it does not meet the terms of the caller. */
    const throughTags: ReadThrough<unknown> = {
      ...through,
      lands: false,
      async load(flight) {
        if (!background) return loading.load(flight).catch((error) => keepOld(flight, error))
        const old = await readOld(cache, flight)
        if (old === undefined) return loading.load(flight)
        refreshLater(flight.call, MISS)
        return answerStale(flight, old[0])
      },
    }
    return {
      now({ key }) {
        const stored = cache.engine.getNow(key)
        return isGood(stored) ? Promise.resolve(stored[0]) : undefined
      },
      answer: (call) => cache.engine.fly(call, cache.engine.tagging && !currentTerms() ? throughTags : through),
      peek: (key) => peekDated(cache, key),
    }
  })
}
