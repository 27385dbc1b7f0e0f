import { type Cache, MISS, markStale, mayAnswerStale } from '@cashews/core'
import { type CachingOptions, cachingOf } from './caching.ts'
import { datedForm, type FreshFor, isDated, isFresh, peekDated } from './dated.ts'
import { type Decorator, decorator } from './decorator.ts'
import { type ErrorType, isOneOf } from './error-types.ts'
import type { AnyFunction, Wrapped } from './function-types.ts'
import { lifetimeOf } from './lifetime.ts'
import { type Target, wrap } from './wrap.ts'

/** Settings of {@link soft}. */
export interface SoftOptions<
  F extends AnyFunction = (...args: never[]) => never,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends CachingOptions<F, K, N> {
  /** After this a result is computed again when it is asked for. Shorter than `ttl`. @default a third of `ttl` */
  readonly softTtl?: FreshFor<Parameters<F>>
  /** The errors on which the old result is answered instead. @default all */
  readonly errors?: readonly ErrorType[]
}

/**
 * Computes again past `softTtl`, and falls back on the old result, as long as its `ttl` has not ended, when that fails.
 *
 * ```ts
 * const getRates = soft(cache, { ttl: '1h', softTtl: '5m', key: 'rates:{base}' }, async (base: string) => api.rates(base))
 * ```
 *
 * @throws {ConfigurationError} At definition: a `softTtl` that is not shorter than `ttl`.
 */
export function soft(cache: Cache, options: SoftOptions): Decorator
export function soft<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: SoftOptions<F, K, N>,
  fn: F,
): Wrapped<F>
export function soft(cache: Cache, options: SoftOptions, fn?: AnyFunction): Decorator | Wrapped<AnyFunction> {
  const { softTtl, errors } = options
  const form = datedForm('softTtl', softTtl, lifetimeOf('soft', options).fixed)
  const caching = cachingOf(cache, 'soft', options, form, { own: ['softTtl', 'errors'], prefix: 'soft' })
  const forgives = isOneOf(errors)
  mayAnswerStale()

  const wrapTarget = (target: Target) =>
    wrap(cache, target, caching.keying, (run, template) => {
      const load = caching.loader(target, run)
      const { settle } = caching
      return {
        now(spot) {
          const stored = cache.getNow(spot.key)
          return isFresh(stored)
            ? settle(Promise.resolve(stored[0]))
            : stored === MISS
              ? cache.join(spot.key)
              : undefined
        },
        call(key, self, args, signal) {
          if (cache.isBypassed(key)) return run(self, args)
          const call = { key, self, args }
          const through = caching.through(call, load, template, {
            signal,
            async found(stored, lease, outcome) {
              if (isFresh(stored)) return stored[0]
              outcome.hit = false
              outcome.reason = isDated(stored) ? 'stale' : 'miss'
              try {
                return await load(call, lease, outcome)
              } catch (error) {
                if (!isDated(stored) || !forgives(error)) throw error
                outcome.hit = true
                markStale(outcome)
                return stored[0]
              }
            },
          })
          return settle(cache.fly(key, through))
        },
        refresh: caching.refresher(load, template),
        peek: (key) => peekDated(cache, key),
        invalidate: (key) => cache.delete(key),
      }
    })
  return fn === undefined ? decorator(wrapTarget) : wrapTarget({ fn, kind: 'function' })
}
