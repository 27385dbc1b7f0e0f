import { currentTransaction, leaveTransaction, returnToTransaction } from '@cashews/core'
import type { Behaviour, Run } from './wrap.ts'

/** Keeps the books of a strategy outside of the transaction of a call, whose function runs inside all the same. */
export function apart(run: Run, behave: (run: Run) => Behaviour): Behaviour {
  const plain = behave(run)
  const inside = behave((self, args) => returnToTransaction(() => run(self, args)))
  const { invalidate } = plain
  return {
    ...plain,
    call(spot, self, args, signal) {
      if (currentTransaction() === undefined) return plain.call(spot, self, args, signal)
      return leaveTransaction(() => inside.call(spot, self, args, signal))
    },
    ...(invalidate && { invalidate: (key: string) => leaveTransaction(() => invalidate(key)) }),
  }
}
