import { type Cache, currentTransaction, isWatched, leaveTransaction, returnToTransaction } from '@cashews/core'
import { detecting } from './detecting.ts'
import { leaving } from './leaving.ts'
import type { Behaviour, Run } from './wrap.ts'

/**
 * Keeps the books of a strategy that stores no result: outside of the transaction of a call, whose function runs inside
 * all the same, told to `detect`, for a caller who may leave. Where nothing asks for that, a call goes straight to the
 * strategy.
 */
export function apart(
  cache: Cache,
  strategy: string,
  run: Run,
  template: () => string,
  behave: (run: Run) => Behaviour,
): Behaviour {
  const plain = behave(run)
  const inside = behave((self, args) => returnToTransaction(() => run(self, args)))
  const watched = detecting(cache, strategy, template, {
    call: leaving((spot, self, args) =>
      currentTransaction() === undefined
        ? plain.call(spot, self, args)
        : leaveTransaction(() => inside.call(spot, self, args)),
    ),
  })
  const { call, invalidate } = plain
  return {
    ...plain,
    call: (spot, self, args, signal) =>
      signal !== undefined || isWatched() ? watched.call(spot, self, args, signal) : call(spot, self, args),
    ...(invalidate && { invalidate: (key: string) => leaveTransaction(() => invalidate(key)) }),
  }
}
