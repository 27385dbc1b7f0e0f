import { type Cache, currentTransaction, isWatched, leaveTransaction, returnToTransaction } from '@cashews/core'
import { detecting } from './detecting.ts'
import type { Behaviour, Run } from './wrap.ts'

/**
 * Keeps the books of a strategy that stores no result: outside of the transaction of a call, whose function runs inside
 * all the same, and told to `detect`. Where nothing asks for either, a call goes straight to the strategy.
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
    call: (spot, self, args, signal) =>
      currentTransaction() === undefined
        ? plain.call(spot, self, args, signal)
        : leaveTransaction(() => inside.call(spot, self, args, signal)),
  })
  const { call, invalidate } = plain
  return {
    ...plain,
    call: (spot, self, args, signal) =>
      isWatched() ? watched.call(spot, self, args, signal) : call(spot, self, args, signal),
    ...(invalidate && { invalidate: (key: string) => leaveTransaction(() => invalidate(key)) }),
  }
}
