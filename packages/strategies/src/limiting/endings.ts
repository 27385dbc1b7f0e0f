import { type Cache, type Milliseconds, newSpot } from '@cashews/core'

/** How many parts the window has; it slides by a part at a time. */
const PARTS = 10
/** What a failure adds to the counter of a part, whose lower digits count all calls. */
const FAILURE = 250_000_000
/** How long successes are collected before they are written. */
const GATHERING: Milliseconds = 1_000

/** How the calls of the last period ended, for all processes that share the store: one counter for each tenth of it. */
export interface Endings {
  /**
   * Counts a success, and returns its result. Successes are collected for a while, so that a working function does not
   * cost a write per call.
   */
  readonly succeeded: <T>(result: T) => T
  /** Counts a failure, and writes all that was collected. Returns whether there are too many failures. */
  readonly failed: () => Promise<boolean>
  readonly forget: () => Promise<unknown>
}

/** How many failures are too many. */
export interface Tolerance {
  /** The window that calls are counted over. */
  readonly period: Milliseconds
  /** In percent of the calls. */
  readonly errorsRate: number
  readonly minCalls: number
}

/** Counts how the calls of a key end. */
export function newEndings(cache: Cache, key: string, { period, errorsRate, minCalls }: Tolerance): Endings {
  const span = period / PARTS
  let gathered = 0

  /** The counters, the newest first. */
  const counters = () => {
    const part = Math.floor(Date.now() / span)
    return Array.from({ length: PARTS }, (_, at) => `${key}:${part - at}`)
  }
  const write = async () => {
    const by = gathered
    gathered = 0
    if (by > 0) await cache.engine.count(newSpot(counters()[0] as string), by, period + span)
  }

  return {
    succeeded(result) {
      if (gathered++ === 0) cache.engine.postpone(write, Math.min(GATHERING, span))
      return result
    },
    async failed() {
      gathered += FAILURE + 1
      await write()
      let calls = 0
      let failures = 0
      for (const sum of await cache.getMany<number, number>(counters(), 0)) {
        calls += sum % FAILURE
        failures += Math.floor(sum / FAILURE)
      }
      return calls >= minCalls && failures * 100 >= calls * errorsRate
    },
    forget() {
      gathered = 0
      return cache.deleteMany(counters())
    },
  }
}
