import type { Milliseconds } from '@cashews/core'

const { bigint } = process.hrtime

/** The time since some moment in the past, which nobody sets. */
export function monotonicNow(): Milliseconds {
  return Number(bigint()) / 1e6
}

/**
 * The same in nanoseconds. Only compared, it costs hardly more than the clock of the system itself: V8 makes no object of a
 * bigint that nobody keeps.
 */
export const nanosecondsNow: () => bigint = bigint
