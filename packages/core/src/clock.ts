import type { Milliseconds } from './backend.ts'

/** Where the time comes from, so that a test can move it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): Milliseconds
}

/** The longest delay of `setTimeout` and `setInterval`, in milliseconds: with a longer one, they fire at once. */
export const LONGEST_TIMER: Milliseconds = 2 ** 31 - 1

/** The clock of the machine. */
export const systemClock: Clock = { now: () => Date.now() }
