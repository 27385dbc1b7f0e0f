import { type Cache, CacheClosedError, type Milliseconds, newSpot } from '@cashews/core'

/** How many parts the window has. What is older than the whole leaves it a part at a time. */
const PARTS = 10
/** What a failure adds to the counter of a part, whose lower digits count all calls: 2 to the power of 28. */
const FAILURE = 268_435_456
/** How long successes are gathered before they are written. */
const GATHERING: Milliseconds = 1_000

/** How the calls of the last period ended, for all processes that share the store: one counter for each tenth of it. */
export interface Endings {
  /**
   * Counts a success, and passes on what came of it. It is counted here for a while, so that a function that works costs no
   * write at each call.
   */
  readonly succeeded: <T>(result: T) => T
  /** Counts a failure, and writes what was gathered. Answers whether there were too many of them. */
  readonly failed: () => Promise<boolean>
  readonly forget: () => Promise<unknown>
}

/** Which failures are too many. */
export interface Tolerance {
  /** The time that the calls are counted over. */
  readonly period: Milliseconds
  /** In percent of the calls. */
  readonly errorsRate: number
  readonly minCalls: number
}

/** @param idle Told, after a while, that nothing more is known here than in the store. */
export function newEndings(
  cache: Cache,
  key: string,
  { period, errorsRate, minCalls }: Tolerance,
  idle: () => void,
): Endings {
  let gathered = 0
  let isWaiting = false

  /** The counters, the newest first. */
  const counters = () => {
    const part = Math.floor((Date.now() * PARTS) / period)
    return Array.from({ length: PARTS }, (_, at) => `${key}:${part - at}`)
  }
  const count = async (counter: string | undefined, by: number): Promise<number> => {
    const sum = by + gathered
    gathered = 0
    return cache.count(newSpot(counter as string), sum, period + period / PARTS)
  }
  const write = async () => {
    try {
      if (gathered > 0) await count(counters()[0], 0)
    } catch (error) {
      if (!(error instanceof CacheClosedError)) cache.report(error)
    }
  }
  /** Whether calls still come or not. */
  const writeLater = () => {
    isWaiting = true
    const stop = cache.beforeClose(write)
    const wake = () => {
      isWaiting = false
      stop()
      idle()
      void write()
    }
    setTimeout(wake, Math.min(GATHERING, period / PARTS)).unref()
  }

  writeLater()
  return {
    succeeded(result) {
      gathered++
      if (!isWaiting) writeLater()
      return result
    },
    async failed() {
      const [own, ...older] = counters()
      const sums = [await count(own, FAILURE + 1), ...(await cache.getMany<number, number>(older, 0))]
      const calls = sums.reduce((all, sum) => all + (sum % FAILURE), 0)
      const failures = sums.reduce((all, sum) => all + Math.floor(sum / FAILURE), 0)
      return calls >= minCalls && failures * 100 >= calls * errorsRate
    },
    forget() {
      gathered = 0
      return cache.deleteMany(counters())
    },
  }
}
