export { type CachedOptions, cached } from './cached.ts'
export type { CachingOptions } from './caching.ts'
export {
  type CircuitBreakerOptions,
  type CircuitChange,
  type CircuitState,
  circuitBreaker,
} from './circuit-breaker.ts'
export { type Condition, notNull, onlyErrors, withErrors } from './condition.ts'
export type { Decorator } from './decorator.ts'
export { type DynamicOptions, dynamic } from './dynamic.ts'
export { type EarlyOptions, early } from './early.ts'
export type { ErrorType } from './error-types.ts'
export { CircuitBreakerOpen, RateLimitError, type RateLimitFacts } from './errors.ts'
export { type FailoverOptions, failover, setDefaultFailErrors } from './failover.ts'
export type { AnyFunction, Asynchronous, CallOptions, Handle, ResultOf, Wrapped } from './function-types.ts'
export { handleOf, type MethodName } from './handle-of.ts'
export { type HitOptions, hit } from './hit.ts'
export { type InvalidatesOptions, invalidates } from './invalidates.ts'
export {
  type Iterated,
  type IteratedHandle,
  type IteratorDecorator,
  type IteratorOptions,
  iterator,
  type SequenceKind,
  type Yielding,
} from './iterator.ts'
export type { KeepingOptions } from './keeping.ts'
export type { KeyingOptions } from './keying.ts'
export type { Lasting, LifetimeOptions } from './lifetime.ts'
export type { LockOption } from './lock-option.ts'
export { type Locked, type LockedDecorator, type LockedHandle, type LockedOptions, locked } from './locked.ts'
export { type RateLimitOptions, rateLimit } from './rate-limit.ts'
export { type SingleFlightOptions, singleFlight } from './single-flight.ts'
export { type SlidingRateLimitOptions, slidingRateLimit } from './sliding-rate-limit.ts'
export { type SoftOptions, soft } from './soft.ts'
export { type Strategies, strategies } from './strategies.ts'
export type { TagOptions } from './tag-option.ts'
