import { LONGEST_TIMER, type Milliseconds } from '@cashews/core'
import { isBusy } from './errors.ts'
import type { Pace } from './pace.ts'

/** What an attempt may fail of. */
export interface Obstacle {
  readonly timeout: Milliseconds
  /** Whether a writer has to wait, without trying. */
  readonly isHindered: boolean
  /** Waits until nothing hinders a writer. */
  ready(): Promise<void>
  /** Does something about a failure, or throws it. */
  overcome(error: unknown, repairs: number, deadline: Milliseconds): Promise<void>
  /** What to throw when it took too long. */
  lockedError(): Error
  /** What to throw when nobody waits for it any more. */
  lateError(): Error
}

/**
 * Goes on until an attempt succeeds, or there is no hope.
 *
 * @param culprit Answers what the last attempt failed of.
 * @param error What it failed with, if there was one.
 * @param last Until when it may be attempted: later its caller has been told that it failed, and may have done something
 *   else, which it would undo.
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

/** Does something about the last failure, and waits until nothing hinders a writer. */
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

/** Waits no longer than until `last`: who is told by then that nothing was written can rely on it. */
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
