import {
  type Cache,
  checkOptions,
  currentTerms,
  type Flight,
  mayAnswerStale,
  type NotYetKnown,
  type ReadThrough,
} from '@cashews/core'
import { type CachingOptions, cachingOf } from './caching/caching.ts'
import { answerStale, datedForm, type FreshFor, isDated, isFresh, peekDated, readOld } from './caching/dated.ts'
import { type Lasting, lifetimeOf } from './caching/lifetime.ts'
import type { Decorator } from './wrapping/decorator.ts'
import { type ErrorType, isOneOf } from './wrapping/error-types.ts'
import type { AnyFunction, Wrapped } from './wrapping/function-types.ts'

/** Settings of {@link soft}. */
export interface SoftOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends CachingOptions<F, K, N> {
  /** The age from which a requested result is computed again; shorter than `ttl`. @default a third of `ttl` */
  readonly softTtl?: FreshFor<Parameters<F>> | undefined
  /** The errors for which the old result is returned instead. @default all */
  readonly errors?: readonly ErrorType[] | undefined
}

/**
 * Computes a result again past `softTtl`; if that fails, returns the old result until its `ttl` ends.
 *
 * ```ts
 * const getRates = soft(cache, { ttl: '1h', softTtl: '5m', key: 'rates:{base}' }, async (base: string) => api.rates(base))
 * ```
 *
 * @throws {ConfigurationError} At definition, when `softTtl` is not shorter than `ttl`.
 */
export function soft<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<SoftOptions<NotYetKnown, K, N>>,
): Decorator
export function soft<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<SoftOptions<F, K, N>>,
  fn: F,
): Wrapped<F>
export function soft(cache: Cache, options: SoftOptions, fn?: AnyFunction): Decorator | Wrapped<AnyFunction> {
  checkOptions('soft', options)
  const { softTtl, errors } = options
  const form = datedForm('softTtl', softTtl, lifetimeOf('soft', options).fixed)
  const caching = cachingOf(cache, 'soft', options, form, {
    own: ['softTtl', 'errors'],
    prefix: 'soft',
    keepsErrors: false,
  })
  const forgives = isOneOf(errors)
  mayAnswerStale()

  return caching(fn, (loading) => {
    const loadOrKeep = async (flight: Flight, found?: unknown): Promise<unknown> => {
      try {
        return await loading.load(flight)
      } catch (error) {
        if (!forgives(error)) throw error
        // Read anew: its ttl may have ended during the run, or somebody has deleted it.
        const old = await readOld(cache, flight, found)
        if (old === undefined) throw error
        return answerStale(flight, old[0])
      }
    }
    const through: ReadThrough<unknown> = {
      ...loading,
      // A result that does not meet the terms of the caller is none.
      load: (flight) => (currentTerms() ? loading.load(flight) : loadOrKeep(flight)),
      async found(stored, flight) {
        if (isFresh(stored)) return stored[0]
        flight.hit = false
        flight.reason = isDated(stored) ? 'stale' : 'miss'
        return loadOrKeep(flight, stored)
      },
    }
    return {
      now({ key }) {
        const stored = cache.engine.getNow(key)
        return isFresh(stored) ? Promise.resolve(stored[0]) : undefined
      },
      answer: (call) => cache.engine.fly(call, through),
      peek: (key) => peekDated(cache, key),
    }
  })
}
