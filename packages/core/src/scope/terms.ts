import { checkCallable } from '../basics/arguments.ts'
import { checkKnown, checkRange, checkType } from '../basics/options.ts'
import { CashewsError } from '../errors.ts'
import type { Detection } from '../watching/detect.ts'
import { inWatchedScope, watchedScope } from './scope.ts'

/** What surrounding code demands of answers from the cache. It can only make them fresher. */
export interface Terms {
  /** In seconds: an answer that was stored longer ago, or at an unknown time, is computed again. */
  readonly maxAge?: number | undefined
  /** In seconds: an answer that expires earlier than this is computed again. */
  readonly minFresh?: number | undefined
  /** `true`: nothing is computed; an answer that is not stored, or not fresh enough, is a {@link NotStoredError}. */
  readonly onlyStored?: boolean | undefined
}

/** An answer would have to be computed, but the {@link Terms} allow stored ones only. */
export class NotStoredError extends CashewsError {
  static override readonly name = 'NotStoredError'
  readonly code = 'CASHEWS_NOT_STORED'
}

/** Runs `fn` so that the caching functions called inside, of any cache, keep to the terms. */
export async function onTerms<T>(terms: Terms, fn: () => T | PromiseLike<T>): Promise<T> {
  checkKnown('onTerms', terms, ['maxAge', 'minFresh', 'onlyStored'])
  const { maxAge = 0, minFresh = 0, onlyStored } = terms
  checkRange({ maxAge, minFresh }, 0)
  checkType('boolean', { onlyStored })
  checkCallable(fn)
  return inWatchedScope({ terms }, fn)
}

/** The terms of the surrounding code. */
export function currentTerms(): Terms | undefined {
  return watchedScope()?.terms
}

/** @throws {NotStoredError} Where the terms allow stored answers only. */
export function checkMayLoad(key: string): void {
  if (currentTerms()?.onlyStored) throw new NotStoredError(`Nothing fresh enough is stored for "${key}".`)
}

/** Whether an answer that was stored `age` seconds ago, and expires in `left` seconds, meets the terms. */
export function areMet(
  { maxAge = Number.POSITIVE_INFINITY, minFresh = 0 }: Terms,
  { age = Number.POSITIVE_INFINITY, left = 0 }: Pick<Detection, 'age' | 'left'>,
): boolean {
  return age <= maxAge && left >= minFresh
}
