import {
  type Cache,
  type CircuitEvent,
  countOption,
  functionOption,
  type KeyOptions,
  type NotYetKnown,
  parsePeriod,
  parseTtl,
  rangeOption,
  readOptions,
  remembering,
  type Ttl,
  timeOption,
} from '@cashews/core'
import { type Circuit, newCircuit } from './limiting/circuit.ts'
import { apart } from './wrapping/apart.ts'
import type { Decorator } from './wrapping/decorator.ts'
import { type ErrorType, isOneOf } from './wrapping/error-types.ts'
import type { AnyFunction, Wrapped } from './wrapping/function-types.ts'
import { type KeyingOptions, keyingNames } from './wrapping/keying.ts'

/**
 * The most breakers kept besides those of recent calls. What others have not written to the store yet is written
 * anyway.
 */
const MOST = 1_000

/** `closed`: all calls go through. `open`: none. `half-open`: a few probes. */
export type CircuitState = CircuitEvent['state']

/** A change of a breaker's state. */
export type CircuitChange = CircuitEvent

/** Settings of {@link circuitBreaker}. */
export interface CircuitBreakerOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends KeyingOptions<F, K, N> {
  /** Whether the instances of a class share a breaker where it has no `key`. @default true */
  readonly noSelf?: boolean | undefined
  /** The share of failed calls, in percent, at which the breaker opens: from 1 to 100. */
  readonly errorsRate: number
  /** The sliding window that calls are counted over, in steps of a tenth. */
  readonly period: Ttl
  /** How long the breaker stays open. */
  readonly ttl: Ttl
  /** How long a probe that does not end occupies its place. @default `ttl` */
  readonly halfOpenTtl?: Ttl | undefined
  /** The fewest calls in the period for the breaker to open. @default 1 */
  readonly minCalls?: number | undefined
  /** How many calls a half-open breaker lets through at a time. @default 1 */
  readonly probes?: number | undefined
  /** The errors that count as failures. @default all */
  readonly errors?: readonly ErrorType[] | undefined
  /** Called on every change of state caused by this process. @default none */
  readonly onChange?: ((change: CircuitChange) => void) | undefined
}

/**
 * Stops calling a function that keeps failing. After a while a few probes go through: a success closes the breaker, a
 * failure opens it again. State and counts are kept in the store, for all processes that share it; successes are
 * written with up to a second of delay, and when the cache is closed.
 *
 * When the store is away, calls go through: a cache never stops a service.
 *
 * ```ts
 * const charge = circuitBreaker(cache, { errorsRate: 50, period: '1m', ttl: '30s', minCalls: 20, key: 'charge' }, async (sum: number) => api.charge(sum))
 * ```
 *
 * @throws {CircuitBreakerOpen} At a call while the breaker is open.
 */
export function circuitBreaker<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: CircuitBreakerOptions<NotYetKnown, K, N>,
): Decorator
export function circuitBreaker<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: CircuitBreakerOptions<F, K, N>,
  fn: F,
): Wrapped<F>
export function circuitBreaker(
  cache: Cache,
  options: CircuitBreakerOptions,
  fn?: AnyFunction,
): Decorator | Wrapped<AnyFunction> {
  const table = {
    errorsRate: rangeOption(1, 100),
    period: timeOption(parsePeriod),
    ttl: timeOption(parseTtl),
    halfOpenTtl: timeOption(parseTtl, options?.ttl),
    minCalls: countOption(1),
    probes: countOption(1),
    errors: isOneOf,
    onChange: functionOption<CircuitBreakerOptions['onChange']>,
  }
  const rules = readOptions('circuitBreaker', options, table, keyingNames)
  return apart(cache, 'circuitBreaker', { ...(options as KeyOptions), noArgs: true }, fn, (seen) => {
    const circuitOf = remembering(MOST, (key) => newCircuit(cache, key, seen, rules))
    return {
      call(run, spot, self, args) {
        spot.note ??= circuitOf(spot.key)
        return (spot.note as Circuit).call(run, self, args)
      },
      invalidate: (key) => circuitOf(key).reset(),
    }
  })
}
