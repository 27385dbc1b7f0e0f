import type { Cache, NotYetKnown } from '@cashews/core'
import { type CachingOptions, cachingOf } from './caching/caching.ts'
import type { Lasting } from './caching/lifetime.ts'
import { asItIs } from './caching/stored-form.ts'
import type { Decorator } from './wrapping/decorator.ts'
import type { AnyFunction, Wrapped } from './wrapping/function-types.ts'

/** Settings of {@link cached}. */
export type CachedOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> = CachingOptions<F, K, N>

/**
 * Stores the results of a slow function, and returns them until they expire.
 *
 * Concurrent calls with the same key share one run and its result. If the key is invalidated during the run, the result
 * is not stored. If the function fails, all callers that waited get the error, and nothing is stored.
 *
 * ```ts
 * const getUser = cached(cache, { ttl: '3h', key: 'user:{id}' }, async (id: string) => db.user(id))
 * await getUser('42')
 * await getUser.invalidate('42')
 * ```
 *
 * @throws {ConfigurationError} At definition: no ttl, or an option that does not exist.
 * @throws {KeyTemplateError} At definition: a key template that cannot work.
 */
export function cached<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<CachedOptions<NotYetKnown, K, N>>,
): Decorator
export function cached<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<CachedOptions<F, K, N>>,
  fn: F,
): Wrapped<F>
export function cached(cache: Cache, options: CachedOptions, fn?: AnyFunction): Decorator | Wrapped<AnyFunction> {
  const caching = cachingOf(cache, 'cached', options, asItIs)
  const joins = options.singleFlight !== false

  return caching(fn, (through) => ({
    now: (spot) => cache.engine.answerNow(spot) ?? (joins ? cache.engine.join(spot.key) : undefined),
    answer: (call) => cache.engine.fly(call, through),
    peek: (key) => cache.get(key),
  }))
}
