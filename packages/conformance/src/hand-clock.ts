import type { Clock, Milliseconds } from '@cashews/core'

/** A clock that stands still until a test moves it. */
export interface HandClock extends Clock {
  /** Moves it on. */
  elapse(duration: Milliseconds): void
}

/** Makes a clock that is moved by hand, so that no check has to wait. */
export function handClock(start: Milliseconds = Date.UTC(2026, 0, 1)): HandClock {
  let now = start
  return {
    now: () => now,
    elapse: (duration) => {
      now += duration
    },
  }
}
