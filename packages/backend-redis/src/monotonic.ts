import type { Milliseconds } from '@cashews/core'

const { hrtime } = process

/** The time since some moment in the past, which nobody sets. `performance.now()` takes half as long again. */
export function monotonicNow(): Milliseconds {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
