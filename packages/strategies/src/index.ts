export { type CachedOptions, cached } from './cached.ts'
export type { CachingOptions } from './caching/caching.ts'
export { type Condition, notNull, onlyErrors, withErrors } from './caching/condition.ts'
export type { KeepingOptions } from './caching/keeping.ts'
export type { Lasting, LifetimeOptions } from './caching/lifetime.ts'
export type { LockOption } from './caching/lock-option.ts'
export type { TagOptions } from './caching/tag-option.ts'
export {
  type CircuitBreakerOptions,
  type CircuitChange,
  type CircuitState,
  circuitBreaker,
} from './circuit-breaker.ts'
export { type DynamicOptions, dynamic } from './dynamic.ts'
export { type EarlyOptions, early } from './early.ts'
export { type FailoverOptions, failover, setDefaultFailErrors } from './failover.ts'
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
export { CircuitBreakerOpen, RateLimitError, type RateLimitFacts } from './limiting/errors.ts'
export { type Locked, type LockedDecorator, type LockedHandle, type LockedOptions, locked } from './locked.ts'
export { type RateLimitOptions, rateLimit } from './rate-limit.ts'
export { type SingleFlightOptions, singleFlight } from './single-flight.ts'
export { type SlidingRateLimitOptions, slidingRateLimit } from './sliding-rate-limit.ts'
export { type SoftOptions, soft } from './soft.ts'
export { type Strategies, strategies } from './strategies.ts'
export type { Decorator } from './wrapping/decorator.ts'
export type { ErrorType } from './wrapping/error-types.ts'
export type { AnyFunction, Asynchronous, CallOptions, Handle, ResultOf, Wrapped } from './wrapping/function-types.ts'
export { handleOf, type MethodName } from './wrapping/handle-of.ts'
export type { KeyingOptions } from './wrapping/keying.ts'
