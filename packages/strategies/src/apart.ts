import {
  type Cache,
  currentTransaction,
  type KeyOptions,
  leaveTransaction,
  newSpot,
  returnToTransaction,
  type Target,
} from '@cashews/core'
import { around, type Decorator } from './decorator.ts'
import { detecting } from './detecting.ts'
import type { AnyFunction, Wrapped } from './function-types.ts'
import { prefixed } from './keying.ts'
import { leaving } from './leaving.ts'
import { type Behaviour, type Run, wrap } from './wrap.ts'

/**
 * Puts a strategy around a function that stores no result, only books: outside of the transaction of a call, whose
 * function runs inside all the same, told to `detect`, for a caller who may leave. Where nothing asks for that, a call goes
 * straight to the strategy.
 *
 * @param keyingOf Tells the options that make the key.
 */
export function apart(
  cache: Cache,
  strategy: string,
  keyingOf: (target: Target) => KeyOptions,
  fn: AnyFunction | undefined,
  behave: (run: Run, template: () => string) => Behaviour & Required<Pick<Behaviour, 'invalidate'>>,
): Decorator | Wrapped<AnyFunction> {
  const wrapTarget = (target: Target) =>
    wrap(cache, target, prefixed(strategy, keyingOf(target)), (run, template) => {
      const plain = behave(run, template)
      const inside = behave((self, args) => returnToTransaction(() => run(self, args)), template)
      return detecting(cache, strategy, template, {
        call: plain.call,
        // What calls that nobody watches note of a key is not for this one, whose commands may be disabled.
        watched: leaving(({ key }, self, args) =>
          currentTransaction() === undefined
            ? plain.call(newSpot(key), self, args)
            : leaveTransaction(() => inside.call(newSpot(key), self, args)),
        ),
        invalidate: (key) => leaveTransaction(() => plain.invalidate(key)),
      })
    })
  return around(fn, wrapTarget)
}
