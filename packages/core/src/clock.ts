import type { Milliseconds } from './backend.ts'

/** Where the time comes from, so that a test can move it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): Milliseconds
}

/** The longest that `setTimeout` and `setInterval` wait: what is to wait for longer fires at once. */
export const LONGEST_TIMER: Milliseconds = 2 ** 31 - 1

/** The time of the machine. */
export const systemClock: Clock = { now: () => Date.now() }
