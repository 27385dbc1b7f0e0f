import type { Milliseconds } from '@cashews/core'

const { bigint } = process.hrtime

/** Milliseconds since some moment in the past, by a clock that nobody can set. */
export function monotonicNow(): Milliseconds {
  return Number(bigint()) / 1e6
}

/**
 * The same in nanoseconds. If the result is only compared, this costs hardly more than the system's clock itself: V8 does not
 * allocate a bigint that is not kept.
 */
export const nanosecondsNow: () => bigint = bigint
