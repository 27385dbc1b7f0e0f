import {
  type Awaitable,
  type Cache,
  currentTerms,
  MISS,
  type Milliseconds,
  mayAnswerStale,
  type NotYetKnown,
  type ReadThrough,
} from '@cashews/core'
import { type CachingOptions, cachingOf } from './caching/caching.ts'
import { answerStale } from './caching/dated.ts'
import type { Lasting } from './caching/lifetime.ts'
import { asItIs } from './caching/stored-form.ts'
import type { Decorator } from './wrapping/decorator.ts'
import { type ErrorType, isOneOf } from './wrapping/error-types.ts'
import { type AnyFunction, checkCache, type Wrapped } from './wrapping/function-types.ts'

/** Settings of {@link failover}. */
export interface FailoverOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends CachingOptions<F, K, N> {
  /** The errors for which the stored result is returned. @default those of {@link setDefaultFailErrors}, else all */
  readonly errors?: readonly ErrorType[] | undefined
}

const defaults = /* @__PURE__ */ new WeakMap<Cache, (error: unknown) => boolean>()

/** Sets the default `errors` of {@link failover} for a cache. */
export function setDefaultFailErrors(cache: Cache, ...types: readonly ErrorType[]): void {
  checkCache(cache)
  defaults.set(cache, isOneOf(types))
}

/**
 * Always calls the function, and returns its last good result when it fails.
 *
 * Concurrent calls are not shared, unless `singleFlight: true`. A strategy around it does not store an old result as a
 * fresh one.
 *
 * ```ts
 * const safe = failover(cache, { ttl: '2h', key: 'status:{name}', errors: [TypeError] }, async (name: string) => api.status(name))
 * ```
 */
export function failover<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<FailoverOptions<NotYetKnown, K, N>>,
): Decorator
export function failover<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<FailoverOptions<F, K, N>>,
  fn: F,
): Wrapped<F>
export function failover(cache: Cache, options: FailoverOptions, fn?: AnyFunction): Decorator | Wrapped<AnyFunction> {
  const caching = cachingOf(cache, 'failover', options, asItIs, {
    own: ['errors'],
    prefix: 'fail',
    keepsErrors: false,
  })
  const sharing = options.singleFlight === true ? 'renew' : 'apart'
  const listed = options.errors === undefined ? undefined : isOneOf(options.errors)
  const forgives = (error: unknown) => (listed ?? defaults.get(cache) ?? isOneOf(undefined))(error)
  mayAnswerStale()

  /** Reads the last good result, even if its tags have expired, unless it does not meet the terms of the caller. */
  const readLast = (key: string, longest: Milliseconds | undefined): Awaitable<unknown> =>
    currentTerms()
      ? cache.engine.readOnTerms(key, longest)
      : cache.engine.call<'get'>({ command: 'get', key, stale: true })

  return caching(fn, (loading) => {
    const through: ReadThrough<unknown> = {
      ...loading,
      sharing,
      lands: false,
      async load(flight) {
        try {
          return await loading.load(flight)
        } catch (error) {
          let stored: unknown = MISS
          try {
            if (forgives(error)) stored = await readLast(flight.call.key, loading.longest)
          } catch (failure) {
            cache.engine.report(failure) // The caller has an error of its own.
          }
          if (stored === MISS) throw error
          return answerStale(flight, stored)
        }
      },
    }
    return {
      answer: (call) => cache.engine.fly(call, through),
      peek: (key) => cache.get(key),
    }
  })
}
