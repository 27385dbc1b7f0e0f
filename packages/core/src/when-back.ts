import type { Milliseconds } from './backend.ts'
import { BackendError } from './errors.ts'

const FIRST_PAUSE: Milliseconds = 50
const LONGEST_PAUSE: Milliseconds = 1_000

/**
 * Tries in the background what could not be done as a store was away, until it is done, fails for another reason, or
 * the time is over. The process does not wait for it.
 *
 * @param attempt Answers whether it is done. A `BackendError` means that it is not.
 * @param until When to give up: a time of `performance.now()`.
 * @param longest The longest pause between two attempts. @default 1,000 ms
 */
export function whenBack(
  attempt: () => Promise<boolean>,
  until: Milliseconds,
  longest: Milliseconds = LONGEST_PAUSE,
): void {
  const later = (pause: Milliseconds): void => {
    if (performance.now() + pause > until) return
    const again = async () => {
      const isDone = await attempt().catch((error) => !(error instanceof BackendError))
      if (!isDone) later(Math.min(2 * pause, longest))
    }
    setTimeout(again, pause).unref()
  }
  later(FIRST_PAUSE)
}
