import {
  type Cache,
  checkNames,
  Flights,
  type KeyOptions,
  launch,
  type NotYetKnown,
  perTransaction,
  type Target,
} from '@cashews/core'
import { around, type Decorator } from './wrapping/decorator.ts'
import { detecting } from './wrapping/detecting.ts'
import type { AnyFunction, Wrapped } from './wrapping/function-types.ts'
import { type KeyingOptions, keyingNames, prefixed } from './wrapping/keying.ts'
import { type Behaviour, wrap } from './wrapping/wrap.ts'

/** Settings of {@link singleFlight}. */
export type SingleFlightOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> = KeyingOptions<F, K, N>

/**
 * Lets concurrent calls with the same key share one run of the function. Stores nothing: a failure is shared too, and
 * the next call runs the function again.
 *
 * ```ts
 * const report = singleFlight(cache, { key: 'report:{day}' }, async (day: string) => build(day))
 * ```
 */
export function singleFlight<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options?: SingleFlightOptions<NotYetKnown, K, N>,
): Decorator
export function singleFlight<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: SingleFlightOptions<F, K, N>,
  fn: F,
): Wrapped<F>
export function singleFlight(
  cache: Cache,
  options: SingleFlightOptions = {},
  fn?: AnyFunction,
): Decorator | Wrapped<AnyFunction> {
  checkNames('singleFlight', options, keyingNames)
  const wrapTarget = (target: Target) =>
    wrap(cache, target, prefixed('singleFlight', options as KeyOptions), (run, keyOf) => {
      const flightsHere = perTransaction(() => new Flights())
      const start = (key: string, self: unknown, args: readonly unknown[], signal?: AbortSignal) => {
        const flight = launch({ key, self, args, signal }, () => run(self, args))
        flightsHere().add(flight)
        flight.landAtEnd()
        return flight
      }
      const call: Behaviour['call'] = ({ key }, self, args, signal) =>
        (flightsHere().find<unknown>(key) ?? start(key, self, args, signal)).wait(signal)
      return {
        call,
        watched: detecting(cache, () => ({ strategy: 'singleFlight', template: keyOf().template }), call),
        refresh: (key, self, args) => start(key, self, args).wait(),
        invalidate: async (key) => flightsHere().forget(key),
      }
    })
  return around(fn, wrapTarget)
}
