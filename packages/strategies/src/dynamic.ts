import { type Cache, checkOptions, type NotYetKnown } from '@cashews/core'
import { countingHits, type HitOptions } from './hit.ts'
import type { Decorator } from './wrapping/decorator.ts'
import type { AnyFunction, Wrapped } from './wrapping/function-types.ts'

/** Settings of {@link dynamic}: those of `hit`, all with defaults. */
export type DynamicOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> = Partial<HitOptions<F, K, N>>

/**
 * Keeps requested results fresh: a `hit` with a ttl of a day that is refreshed in the background at its first hit, and
 * used three times at most. Results that are not requested are not refreshed.
 *
 * ```ts
 * const getMenu = dynamic(cache, { key: 'menu:{day}' }, async (day: string) => api.menu(day))
 * ```
 */
export function dynamic<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options?: DynamicOptions<NotYetKnown, K, N>,
): Decorator
export function dynamic<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: DynamicOptions<F, K, N>,
  fn: F,
): Wrapped<F>
export function dynamic(
  cache: Cache,
  options: DynamicOptions = {},
  fn?: AnyFunction,
): Decorator | Wrapped<AnyFunction> {
  checkOptions('dynamic', options)
  const { ttl = '24h', cacheHits = 3, updateAfter = 1 } = options
  return countingHits(cache, 'dynamic', { ...options, ttl, cacheHits, updateAfter }, fn)
}
