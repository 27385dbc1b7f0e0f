import { type Cache, type KeyOptions, newSpot, rejoin, type Spot, standApart, type Target } from '@cashews/core'
import { around, type Decorator } from './decorator.ts'
import { detecting } from './detecting.ts'
import type { AnyFunction, Wrapped } from './function-types.ts'
import { prefixed } from './keying.ts'
import { leaving } from './leaving.ts'
import { type Behaviour, type Run, wrap } from './wrap.ts'

/** What events and `detect` are told about the strategy. */
export type Seen = () => { readonly strategy: string; readonly template: string }

/** How a strategy that stores no results handles the calls of one function. */
export interface Bookkeeping {
  /** Handles a call. @param run Runs the function. */
  call(run: Run, spot: Spot, self: unknown, args: readonly unknown[]): Promise<unknown>
  /** Forgets the state of a key. Returns whether there was any. */
  invalidate(key: string): Promise<boolean>
}

/**
 * Puts a strategy around a function that stores no results, only counts of its own, such as a limit or a breaker. They
 * are kept outside of the transaction that a call is made in, and of `invalidateFurther`, while the function runs
 * inside; `detect` is told, and a caller may leave by its signal. A call with none of these goes straight to the
 * strategy.
 */
export function apart(
  cache: Cache,
  strategy: string,
  options: KeyOptions,
  fn: AnyFunction | undefined,
  keepBooks: (seen: Seen) => Bookkeeping,
): Decorator | Wrapped<AnyFunction> {
  const wrapTarget = (target: Target) =>
    wrap(cache, target, prefixed(strategy, options), (run, keyOf) => {
      const seen: Seen = () => ({ strategy, template: keyOf().template })
      const books = keepBooks(seen)
      const runInside: Run = (self, args) => rejoin(() => run(self, args))
      // Not the shared spot: its notes come from unwatched calls, and the commands of this one may be disabled.
      const watched: Behaviour['call'] = ({ key }, self, args) =>
        standApart(() => books.call(runInside, newSpot(key), self, args))
      return {
        call: (spot, self, args) => books.call(run, spot, self, args),
        watched: detecting(cache, seen, leaving(watched)),
        invalidate: (key) => standApart(() => books.invalidate(key)),
      }
    })
  return around(fn, wrapTarget)
}
