import type { Milliseconds } from './backend.ts'

/** Where the time comes from, so that a test can move it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): Milliseconds
}

/** The time of the machine. */
export const systemClock: Clock = { now: () => Date.now() }
