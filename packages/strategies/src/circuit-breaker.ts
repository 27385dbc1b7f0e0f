import {
  type Cache,
  type CircuitEvent,
  countOption,
  functionOption,
  type KeyOptions,
  parsePeriod,
  parseTtl,
  rangeOption,
  readOptions,
  remembering,
  type Ttl,
  timeOption,
} from '@cashews/core'
import { apart } from './apart.ts'
import { type Circuit, newCircuit } from './circuit.ts'
import type { Decorator } from './decorator.ts'
import { type ErrorType, isOneOf } from './error-types.ts'
import type { AnyFunction, Wrapped } from './function-types.ts'
import { type KeyingOptions, keyingNames } from './keying.ts'

/** How many breakers are known here besides those of recent calls: what of them is not in the store yet is written all the same. */
const MOST = 1_000

/** `closed`: calls go through. `open`: none does. `half-open`: a few probes do. */
export type CircuitState = CircuitEvent['state']

/** A breaker that went over to another state. */
export type CircuitChange = CircuitEvent

/** Settings of {@link circuitBreaker}. */
export interface CircuitBreakerOptions<
  F extends AnyFunction = (...args: never[]) => never,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends KeyingOptions<F, K, N> {
  /** The share of failed calls, in percent, at which the breaker opens: from 1 to 100. */
  readonly errorsRate: number
  /** The time that the calls are counted over: always the last so many, in steps of a tenth. */
  readonly period: Ttl
  /** How long the breaker stays open. */
  readonly ttl: Ttl
  /** How long a probe keeps its place when it does not end. @default `ttl` */
  readonly halfOpenTtl?: Ttl
  /** With fewer calls in the period the breaker does not open. @default 1 */
  readonly minCalls?: number
  /** How many calls a half-open breaker lets through at a time. @default 1 */
  readonly probes?: number
  /** The errors that count as failures. @default all */
  readonly errors?: readonly ErrorType[]
  /** Told of every change of state that this process brings about. */
  readonly onChange?: (change: CircuitChange) => void
}

/**
 * Stops calling a function that keeps failing, and lets a few probes through after a while: one that succeeds closes the
 * breaker, one that fails opens it again. The state and the counts are in the store, for all processes that share it;
 * what succeeded within the last second may not be there yet, until the cache is closed.
 *
 * When the store is away, calls go through: a cache never stops a service.
 *
 * ```ts
 * const charge = circuitBreaker(cache, { errorsRate: 50, period: '1m', ttl: '30s', minCalls: 20, key: 'charge' }, async (sum: number) => api.charge(sum))
 * ```
 *
 * @throws {CircuitBreakerOpen} At a call that is not let through.
 */
export function circuitBreaker(cache: Cache, options: CircuitBreakerOptions): Decorator
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
  return apart(cache, 'circuitBreaker', { ...(options as KeyOptions), noSelf: true, noArgs: true }, fn, (seen) => {
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
