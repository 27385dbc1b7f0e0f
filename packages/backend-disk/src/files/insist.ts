import { LONGEST_TIMER, type Milliseconds } from '@cashews/core'
import { isBusy } from '../errors.ts'
import type { Pace } from './pace.ts'

/** What can make an attempt fail: a file that is locked, full or damaged. */
export interface Obstacle {
  readonly timeout: Milliseconds
  /** Whether writers have to wait, so that trying is pointless. */
  readonly isHindered: boolean
  /** Waits until nothing blocks writers. */
  ready(): Promise<void>
  /** Deals with a failure so that the next attempt may succeed, or throws it. */
  overcome(error: unknown, repairs: number, deadline: Milliseconds): Promise<void>
  /** What to throw when the file stayed locked for too long. */
  lockedError(): Error
  /** What to throw when the caller has stopped waiting. */
  lateError(): Error
}

/**
 * Retries until an attempt succeeds, or is hopeless.
 *
 * @param culprit The obstacle that made the last attempt fail.
 * @param error The failure of an attempt that was already made.
 * @param last When to stop: by then the caller has been told that the write failed, and a late write would undo what it
 *   may have done since.
 */
export async function insist<T>(
  obstacles: readonly Obstacle[],
  attempt: () => T,
  culprit: () => Obstacle,
  pace: Pace,
  error?: unknown,
  last: Milliseconds = Number.POSITIVE_INFINITY,
): Promise<T> {
  let failure = error
  const deadline = performance.now() + culprit().timeout
  for (let repairs = 0; ; ) {
    if ((await inTime(clearWay(obstacles, culprit(), failure, repairs, deadline), last)) === LATE) break
    if (failure !== undefined && !isBusy(failure)) repairs++
    try {
      const made = await pace.inTurn(() => {
        if (performance.now() >= last) return LATE
        return obstacles.some(({ isHindered }) => isHindered) ? HINDERED : attempt()
      })
      if (made === LATE) break
      if (made !== HINDERED) return made
      failure = performance.now() < deadline ? undefined : culprit().lockedError()
    } catch (error) {
      failure = error
    }
  }
  throw culprit().lateError()
}

const HINDERED = Symbol('hindered')
const LATE = Symbol('late')

/** Deals with the last failure, and waits until nothing blocks writers. */
async function clearWay(
  obstacles: readonly Obstacle[],
  culprit: Obstacle,
  failure: unknown,
  repairs: number,
  deadline: Milliseconds,
): Promise<void> {
  if (failure !== undefined) await culprit.overcome(failure, repairs, deadline)
  for (const obstacle of obstacles) await obstacle.ready()
}

/** Waits until `last` at most, so that a caller that was told that nothing was written can rely on it. */
async function inTime(clearing: Promise<void>, last: Milliseconds): Promise<typeof LATE | undefined> {
  const left = last - performance.now()
  if (left > LONGEST_TIMER) return clearing as Promise<undefined>
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, left), LATE)
  })
  try {
    return (await Promise.race([clearing, late])) || undefined
  } finally {
    clearTimeout(timer)
  }
}
