import { type Cache, chain, type KeyOptions, type NotYetKnown, readOptions } from '@cashews/core'
import { type LimitOptions, limitTable, refusing } from './rate-limit.ts'
import { apart } from './wrapping/apart.ts'
import type { Decorator } from './wrapping/decorator.ts'
import type { AnyFunction, Wrapped } from './wrapping/function-types.ts'
import { keyingNames } from './wrapping/keying.ts'

/** Settings of {@link slidingRateLimit}. */
export type SlidingRateLimitOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> = LimitOptions<F, K, N>

/**
 * Allows a number of calls in any interval as long as the period. Calls over the limit are refused without running the
 * function, and do not count: a caller that keeps trying is allowed as soon as an old call leaves the window, as
 * `retryAfter` tells. Exact across all processes that share the store, because its clock decides, not theirs.
 *
 * When the store is away, calls are allowed.
 *
 * ```ts
 * const search = slidingRateLimit(cache, { limit: 100, period: '10m', key: 'search:{user}' }, async (user: string, text: string) => api.search(text))
 * ```
 *
 * @throws {RateLimitError} At a call over the limit.
 */
export function slidingRateLimit<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: SlidingRateLimitOptions<NotYetKnown, K, N>,
): Decorator
export function slidingRateLimit<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: SlidingRateLimitOptions<F, K, N>,
  fn: F,
): Wrapped<F>
export function slidingRateLimit(
  cache: Cache,
  options: SlidingRateLimitOptions,
  fn?: AnyFunction,
): Decorator | Wrapped<AnyFunction> {
  const rules = readOptions('slidingRateLimit', options, limitTable(), keyingNames)
  const { limit, period } = rules
  return apart(cache, 'slidingRateLimit', options as KeyOptions, fn, (seen) => {
    const { refusalOf, refuse } = refusing(cache, seen, rules)
    return {
      call(run, { key }, self, args) {
        const counted = cache.engine.call<'sliceIncr'>({
          command: 'sliceIncr',
          key,
          max: limit,
          period,
          lifetime: period,
        })
        // `then` gives the caller a promise of its own, which is reported when it is not handled.
        return chain(counted, ({ added, age }) =>
          added ? run(self, args) : refuse(refusalOf(key, period - age), key, args).then(),
        ) as Promise<unknown>
      },
      invalidate: (key) => cache.delete(key),
    }
  })
}
