import type { Cache, NotYetKnown } from '@cashews/core'
import { type CachedOptions, cached } from './cached.ts'
import type { Lasting } from './caching/lifetime.ts'
import { type CircuitBreakerOptions, circuitBreaker } from './circuit-breaker.ts'
import { type DynamicOptions, dynamic } from './dynamic.ts'
import { type EarlyOptions, early } from './early.ts'
import { type FailoverOptions, failover } from './failover.ts'
import { type HitOptions, hit } from './hit.ts'
import { type InvalidatesOptions, invalidates } from './invalidates.ts'
import {
  type Iterated,
  type IteratorDecorator,
  type IteratorOptions,
  iterator,
  type SequenceKind,
  type Yielding,
} from './iterator.ts'
import { type Locked, type LockedDecorator, type LockedOptions, locked } from './locked.ts'
import { type RateLimitOptions, rateLimit } from './rate-limit.ts'
import { type SingleFlightOptions, singleFlight } from './single-flight.ts'
import { type SlidingRateLimitOptions, slidingRateLimit } from './sliding-rate-limit.ts'
import { type SoftOptions, soft } from './soft.ts'
import type { Decorator } from './wrapping/decorator.ts'
import { type AnyFunction, type Asynchronous, checkCache, type Wrapped } from './wrapping/function-types.ts'

type Names = readonly string[]

/** Every strategy, bound to one cache. */
export interface Strategies {
  /** {@link cached}, of this cache. */
  cached<const K extends string, const N extends Names>(options: Lasting<CachedOptions<NotYetKnown, K, N>>): Decorator
  /** {@link cached}, of this cache, around a function. */
  cached<F extends AnyFunction, const K extends string, const N extends Names>(
    options: Lasting<CachedOptions<F, K, N>>,
    fn: F,
  ): Wrapped<F>
  /** {@link early}, of this cache. */
  early<const K extends string, const N extends Names>(options: Lasting<EarlyOptions<NotYetKnown, K, N>>): Decorator
  /** {@link early}, of this cache, around a function. */
  early<F extends AnyFunction, const K extends string, const N extends Names>(
    options: Lasting<EarlyOptions<F, K, N>>,
    fn: F,
  ): Wrapped<F>
  /** {@link soft}, of this cache. */
  soft<const K extends string, const N extends Names>(options: Lasting<SoftOptions<NotYetKnown, K, N>>): Decorator
  /** {@link soft}, of this cache, around a function. */
  soft<F extends AnyFunction, const K extends string, const N extends Names>(
    options: Lasting<SoftOptions<F, K, N>>,
    fn: F,
  ): Wrapped<F>
  /** {@link hit}, of this cache. */
  hit<const K extends string, const N extends Names>(options: Lasting<HitOptions<NotYetKnown, K, N>>): Decorator
  /** {@link hit}, of this cache, around a function. */
  hit<F extends AnyFunction, const K extends string, const N extends Names>(
    options: Lasting<HitOptions<F, K, N>>,
    fn: F,
  ): Wrapped<F>
  /** {@link dynamic}, of this cache. */
  dynamic<const K extends string, const N extends Names>(options?: DynamicOptions<NotYetKnown, K, N>): Decorator
  /** {@link dynamic}, of this cache, around a function. */
  dynamic<F extends AnyFunction, const K extends string, const N extends Names>(
    options: DynamicOptions<F, K, N>,
    fn: F,
  ): Wrapped<F>
  /** {@link failover}, of this cache. */
  failover<const K extends string, const N extends Names>(
    options: Lasting<FailoverOptions<NotYetKnown, K, N>>,
  ): Decorator
  /** {@link failover}, of this cache, around a function. */
  failover<F extends AnyFunction, const K extends string, const N extends Names>(
    options: Lasting<FailoverOptions<F, K, N>>,
    fn: F,
  ): Wrapped<F>
  /** {@link iterator}, of this cache. */
  iterator<const K extends string, const N extends Names>(
    options: Lasting<IteratorOptions<NotYetKnown, K, N>>,
  ): IteratorDecorator
  iterator<
    F extends Yielding,
    const K extends string,
    const N extends Names,
    const S extends SequenceKind = 'generator',
  >(options: Lasting<IteratorOptions<F, K, N, S>>, fn: F): Iterated<F, S>
  /** {@link locked}, of this cache. */
  locked<const K extends string, const N extends Names>(options: LockedOptions<NotYetKnown, K, N>): LockedDecorator
  /** {@link locked}, of this cache, around a function. */
  locked<F extends AnyFunction, const K extends string, const N extends Names>(
    options: LockedOptions<F, K, N>,
    fn: F,
  ): Locked<F>
  /** {@link singleFlight}, of this cache. */
  singleFlight<const K extends string, const N extends Names>(
    options?: SingleFlightOptions<NotYetKnown, K, N>,
  ): Decorator
  /** {@link singleFlight}, of this cache, around a function. */
  singleFlight<F extends AnyFunction, const K extends string, const N extends Names>(
    options: SingleFlightOptions<F, K, N>,
    fn: F,
  ): Wrapped<F>
  /** {@link rateLimit}, of this cache. */
  rateLimit<const K extends string, const N extends Names>(options: RateLimitOptions<NotYetKnown, K, N>): Decorator
  /** {@link rateLimit}, of this cache, around a function. */
  rateLimit<F extends AnyFunction, const K extends string, const N extends Names>(
    options: RateLimitOptions<F, K, N>,
    fn: F,
  ): Wrapped<F>
  /** {@link slidingRateLimit}, of this cache. */
  slidingRateLimit<const K extends string, const N extends Names>(
    options: SlidingRateLimitOptions<NotYetKnown, K, N>,
  ): Decorator
  /** {@link slidingRateLimit}, of this cache, around a function. */
  slidingRateLimit<F extends AnyFunction, const K extends string, const N extends Names>(
    options: SlidingRateLimitOptions<F, K, N>,
    fn: F,
  ): Wrapped<F>
  /** {@link circuitBreaker}, of this cache. */
  circuitBreaker<const K extends string, const N extends Names>(
    options: CircuitBreakerOptions<NotYetKnown, K, N>,
  ): Decorator
  /** {@link circuitBreaker}, of this cache, around a function. */
  circuitBreaker<F extends AnyFunction, const K extends string, const N extends Names>(
    options: CircuitBreakerOptions<F, K, N>,
    fn: F,
  ): Wrapped<F>
  /** {@link invalidates}, of this cache. */
  invalidates(templates: string | Names, options?: InvalidatesOptions): Decorator
  invalidates<F extends AnyFunction>(templates: string | Names, options: InvalidatesOptions, fn: F): Asynchronous<F>
  invalidates<F extends AnyFunction>(templates: string | Names, fn: F): Asynchronous<F>
}

/**
 * Binds all strategies to a cache. Where bundle size matters, import single strategies instead.
 *
 * ```ts
 * const { cached, early } = strategies(cache)
 * const getUser = cached({ ttl: '3h', key: 'user:{id}' }, async (id: string) => db.user(id))
 * ```
 */
export function strategies(cache: Cache): Strategies {
  checkCache(cache)
  const all = {
    cached,
    early,
    soft,
    hit,
    dynamic,
    failover,
    iterator,
    locked,
    singleFlight,
    rateLimit,
    slidingRateLimit,
    circuitBreaker,
    invalidates,
  }
  const bound = Object.entries(all).map(([name, strategy]) => [
    name,
    (strategy as (...given: unknown[]) => unknown).bind(undefined, cache),
  ])
  return Object.fromEntries(bound)
}
