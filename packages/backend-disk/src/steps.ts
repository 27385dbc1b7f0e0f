import type { Expectation, KindWrite, LockExpectation, Milliseconds, Write } from '@cashews/core'
import { putContent } from './contents.ts'
import { free, holderOf, keyOfLock, take } from './disk-locks.ts'
import { endOf, KIND } from './entry.ts'
import { NoRoomError } from './errors.ts'
import { keptEnd } from './kinds.ts'
import type { ShardFile } from './shard-file.ts'
import type { Encoded } from './values.ts'

/** The key that decides which shard an expectation or a write belongs to. */
export function placeOf(one: Expectation | LockExpectation | Write | KindWrite): string {
  return 'lock' in one ? keyOfLock(one.lock) : one.key
}

/** Whether an expectation of an `apply` is met. */
export function holds(file: ShardFile, expected: Expectation | LockExpectation): boolean {
  if ('lock' in expected) return holderOf(file, expected.lock) === expected.token
  return file.find(expected.key)?.stamp === expected.stamp
}

/** Carries out one write of an `apply`. */
export function make(file: ShardFile, write: Write | KindWrite, encoded: Encoded | undefined): void {
  if (write.op === 'lock') take(file, write.lock, write.token, write.lifetime)
  else if (write.op === 'unlock') free(file, write.lock)
  else if (write.op === 'delete') file.delete(write.key)
  else if (write.op === 'expire') expire(file, write.key, write.lifetime)
  else if (write.op === 'put') putContent(file, write.key, write.content, endOf(write.lifetime, file.now()))
  else if (encoded !== undefined) {
    const { key, lifetime } = write
    const expiresAt =
      lifetime === 'keep' ? keptEnd(file, file.find(key), Number.POSITIVE_INFINITY) : endOf(lifetime, file.now())
    claim(file, encoded)
    file.put({ key, expiresAt, ...encoded })
  }
}

/** Sets when a key expires. Returns whether it was there. */
export function expire(file: ShardFile, key: string, lifetime: Milliseconds): boolean {
  const entry = file.find(key)
  if (entry === undefined) return false
  file.renew(entry, endOf(lifetime, file.now()))
  return true
}

/**
 * Takes the staged parts of a large value off the garbage list, because their entry is about to be written.
 *
 * @throws {NoRoomError} When they have already been collected.
 */
export function claim(file: ShardFile, { kind, ref }: Pick<Encoded, 'kind' | 'ref'>): void {
  if (kind !== KIND.large) return
  if (file.run('DELETE FROM garbage WHERE ref = ?', ref) === 0)
    throw new NoRoomError('Writing a large value took so long that its parts were removed again.')
}
