import type { Backend, BackendBase, Leases } from '../backend.ts'
import { type Awaitable, chain, recover } from '../basics/awaitable.ts'
import { batches } from '../calls/batches.ts'

/** How many keys a scan fetches at a time. */
const BATCH = 100

type Scanned = Pick<Backend, 'scan' | 'visit'>

/** Whether a pattern may match the keys of locks or of tag records, which begin with `\0`. */
export function reachesAside(pattern: string): boolean {
  return /^[*?[\\\0]/.test(pattern)
}

/** Counts the keys of a store that does not count them itself. */
export async function countScanned(store: Pick<BackendBase, 'scan'>): Promise<number> {
  let count = 0
  for await (const _ of store.scan('*', BATCH)) count++
  return count
}

/** Does the same as {@link Backend.visit}, for any store. */
export async function* visitScanned<T>(
  store: Scanned,
  pattern: string,
  batchSize: number,
  act: (keys: readonly string[]) => Awaitable<T>,
): AsyncGenerator<T> {
  if (store.visit) return yield* store.visit(pattern, batchSize, act)
  for await (const keys of batches(store.scan(pattern, batchSize), batchSize)) yield act(keys)
}

/** Deletes by pattern from a store that can only delete by key. Resolves to how many were there. */
export async function deleteScanned(
  store: Scanned,
  pattern: string,
  deleteMany: Backend['deleteMany'],
): Promise<number> {
  let deleted = 0
  for await (const gone of visitScanned(store, pattern, BATCH, deleteMany)) deleted += gone
  return deleted
}

/**
 * Voids the leases on all keys that match, and then deletes. Where some leases cannot be voided, such as those on a server that
 * is silent, it deletes all the same, and fails then: their loads may still be stored.
 */
export function voidAndDelete<T>(
  leases: Pick<Leases, 'voidMatch'> | undefined,
  pattern: string,
  remove: () => Awaitable<T>,
): Awaitable<T> {
  const voided = leases?.voidMatch(pattern)
  const tried = recover(
    () => voided,
    () => {},
  )
  return chain(tried, () => chain(remove(), (gone) => chain(voided, () => gone)))
}
