import { TransactionPartialError, TransactionUnknownError } from '../errors.ts'
import type { KeyLocks } from '../locks/key-locks.ts'
import type { View } from '../view/view.ts'
import type { Part } from './part.ts'

/**
 * Commits what the views of a transaction hold, one store after the other: first the stores that can fail because they
 * are away. If there are several parts to commit, all of them are validated before the first is written.
 *
 * @throws {TransactionPartialError} When a part fails after others were committed, or when the outcome of one of several
 * parts is unknown.
 */
export async function commitAll(views: readonly View[], locks: KeyLocks | undefined): Promise<void> {
  const pendings = [...views]
    .sort((a, b) => Number(b.mayBeAway) - Number(a.mayBeAway))
    .map((view) => [view.take(), locks && { token: locks.token, keys: locks.keysOf(view) }] as const)
  try {
    const parts = pendings.flatMap(([pending, held]) => pending.parts(held))
    const dropping = pendings.filter(([pending]) => pending.dropsTags)
    if (parts.length + dropping.length > 1) await Promise.all(parts.map((part) => part.validate()))
    for (const [pending] of dropping) await pending.dropTags()
    for (const [pending] of pendings) await pending.deleteMatchesAround()
    await commitParts(parts)
    await Promise.all(pendings.map(([pending]) => pending.deleteMatches()))
    await Promise.all(pendings.map(([pending]) => pending.storeFills()))
  } finally {
    for (const [pending] of pendings) pending.end()
  }
}

async function commitParts(parts: readonly Part[]): Promise<void> {
  const committed: string[] = []
  for (const [at, part] of parts.entries()) {
    try {
      await part.commit()
    } catch (error) {
      const isAllOrNothing = parts.length === 1 || !(error instanceof TransactionUnknownError)
      if (committed.length === 0 && isAllOrNothing) throw error
      const failed = parts.slice(at).flatMap(({ keys }) => keys)
      throw new TransactionPartialError(committed, failed, error)
    }
    committed.push(...part.keys)
  }
}
