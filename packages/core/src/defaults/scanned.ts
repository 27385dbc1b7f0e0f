import type { Backend, BackendBase } from '../backend.ts'
import { batches } from '../batches.ts'

/** How many keys are asked of a store at a time. */
export const BATCH = 100

/** Whether a pattern could match the key of a lock or of the record of a tag: they begin with a character that nobody types. */
export function reachesAside(pattern: string): boolean {
  return /^[*?[\\\0]/.test(pattern)
}

/** Counts the keys of a store that does not count them itself. */
export async function countScanned(store: Pick<BackendBase, 'scan'>): Promise<number> {
  let count = 0
  for await (const _ of store.scan('*', BATCH)) count++
  return count
}

/** Deletes what matches a pattern from a store that can only delete keys by name. Answers how many were there. */
export async function deleteScanned(
  store: Pick<BackendBase, 'scan'>,
  pattern: string,
  deleteMany: Backend['deleteMany'],
): Promise<number> {
  let deleted = 0
  for await (const keys of batches(store.scan(pattern, BATCH), BATCH)) deleted += await deleteMany(keys)
  return deleted
}
