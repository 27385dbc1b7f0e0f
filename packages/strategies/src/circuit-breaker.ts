import {
  type Cache,
  checkFunction,
  checkNames,
  checkThat,
  type KeyOptions,
  parsePeriod,
  parseTtl,
  type Target,
  type Ttl,
} from '@cashews/core'
import { apart } from './apart.ts'
import { type Circuit, type CircuitChange, type CircuitRules, newCircuit } from './circuit.ts'
import type { Decorator } from './decorator.ts'
import { type ErrorType, isOneOf } from './error-types.ts'
import type { AnyFunction, Wrapped } from './function-types.ts'
import { type KeyingOptions, keyingNames } from './keying.ts'

export type { CircuitChange, CircuitState } from './circuit.ts'

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
  const rules = checked(options)
  const circuits = new Map<string, Circuit>()
  const remember = (key: string, template: () => string): Circuit => {
    const circuit = newCircuit(cache, key, template, rules, () => circuits.delete(key))
    circuits.set(key, circuit)
    return circuit
  }
  const keyingOf = ({ fn }: Target) =>
    options.key === undefined ? ofFunction(cache, fn, options as KeyOptions) : (options as KeyOptions)
  return apart(cache, 'circuitBreaker', keyingOf, fn, (run, template) => {
    const circuitOf = (key: string) => circuits.get(key) ?? remember(key, template)
    return {
      call(spot, self, args) {
        spot.note ??= circuitOf(spot.key)
        return (spot.note as Circuit).call(run, self, args)
      },
      invalidate: (key) => circuitOf(key).reset(),
    }
  })
}

/** Without a key, the breaker is the function's, whoever calls it with whatever arguments. */
function ofFunction(cache: Cache, fn: AnyFunction, { name = fn.name, ...options }: KeyOptions): KeyOptions {
  checkThat(
    typeof name === 'string' && name !== '',
    'The circuit breaker of a function without a name needs the option name or key.',
  )
  cache.claimTemplate(`circuitBreaker:${name}`)
  return { ...options, key: name.replace(/[{}]/g, '$&$&') }
}

const ownNames = ['errorsRate', 'period', 'ttl', 'halfOpenTtl', 'minCalls', 'probes', 'errors', 'onChange']

/** Checks the options. */
function checked(options: CircuitBreakerOptions): CircuitRules {
  checkNames('circuitBreaker', options, [...keyingNames, ...ownNames])
  const { errorsRate, period, ttl, halfOpenTtl = ttl, minCalls = 1, probes = 1, errors, onChange } = options
  checkThat(
    errorsRate >= 1 && errorsRate <= 100,
    `errorsRate is a percentage from 1 to 100, such as 50 for half of the calls, not ${errorsRate}.`,
  )
  for (const [name, calls] of Object.entries({ minCalls, probes }))
    checkThat(Number.isInteger(calls) && calls >= 1, `${name} is at least 1 call, not ${calls}.`)
  checkThat(
    period !== undefined && ttl !== undefined,
    "circuitBreaker needs a period and a ttl, such as period: '1m', ttl: '30s'.",
  )
  checkFunction('onChange', onChange)
  return {
    errorsRate,
    minCalls,
    probes,
    period: parsePeriod(period),
    lifetime: parseTtl(ttl),
    halfOpen: parseTtl(halfOpenTtl),
    isFailure: isOneOf(errors),
    onChange,
  }
}
