import { leaveTransaction, returnToTransaction } from '@cashews/core'
import type { Behaviour, Run } from './wrap.ts'

/** Keeps the books of a strategy outside of the transaction of a call, whose function runs inside all the same. */
export function apart(run: Run, behave: (run: Run) => Behaviour): Behaviour {
  const behaviour = behave((self, args) => returnToTransaction(() => run(self, args)))
  const { call, invalidate } = behaviour
  return {
    ...behaviour,
    call: (...given) => leaveTransaction(() => call(...given)),
    ...(invalidate && { invalidate: (key: string) => leaveTransaction(() => invalidate(key)) }),
  }
}
