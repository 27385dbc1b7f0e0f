import type { Expectation, KindWrite, LockExpectation, Write } from '@cashews/core'
import { type Saboteur, sleep } from './tools.ts'

type Expected = Expectation | LockExpectation
type Change = Write | KindWrite

/** Commits something else than was asked for. */
function instead(
  expected: (asked: readonly Expected[]) => readonly Expected[],
  changes: (asked: readonly Change[]) => readonly Change[] = (asked) => asked,
): Saboteur {
  return (store) => ({ apply: (asked, writes) => store.apply(expected(asked), changes(writes)) })
}

const all = (asked: readonly Expected[]): readonly Expected[] => asked

export const commit: Readonly<Record<string, Saboteur>> = {
  'apply makes its writes while the token it expects holds the lock': (store) => ({
    apply: async (asked, writes) => !asked.some((each) => 'lock' in each) && store.apply(asked, writes),
  }),
  'apply makes none of its writes when somebody else holds the lock': (store) => ({
    async apply(asked, writes) {
      for (const each of asked) if ('lock' in each && !(await store.locks.isLocked(each.lock))) return false
      return store.apply([], writes)
    },
  }),
  'apply makes none of its writes when the lock has expired': (store) => {
    const holders = new Map<string, string>()
    return {
      locks: {
        ...store.locks,
        async acquire(lock, token, lifetime) {
          holders.set(lock, token)
          return store.locks.acquire(lock, token, lifetime)
        },
      },
      apply: (asked, writes) =>
        store.apply(
          asked.filter((each) => !('lock' in each) || holders.get(each.lock) !== each.token),
          writes,
        ),
    }
  },
  'an expectation of apply without a token holds while the lock is free': instead((asked) =>
    asked.filter((each) => !('lock' in each) || each.token !== undefined),
  ),
  'apply takes a lock for its lifetime, and renews it': instead(all, (asked) =>
    asked.map((write) => (write.op === 'lock' ? { ...write, lifetime: 1 } : write)),
  ),
  'apply frees a lock, whoever holds it': instead(all, (asked) => asked.filter(({ op }) => op !== 'unlock')),
  'apply neither takes nor frees a lock when an expectation fails': (store) => ({
    async apply(asked, writes) {
      await store.apply(
        [],
        writes.filter(({ op }) => op === 'unlock'),
      )
      return store.apply(asked, writes)
    },
  }),
  'released resolves when apply frees the lock': (store) => ({
    locks: { ...store.locks, released: (_, atMost) => sleep(atMost) },
  }),
}
