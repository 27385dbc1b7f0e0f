import type { Milliseconds } from '../backend.ts'
import { BackendError } from '../errors.ts'

const FIRST_PAUSE: Milliseconds = 50
const LONGEST_PAUSE: Milliseconds = 1_000

/**
 * Tries in the background what failed because a store was unreachable, until it succeeds, fails for another reason, or
 * time is up. The process does not wait for it to exit.
 *
 * @param attempt Resolves to whether it is done. A `BackendError` means that it is not.
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
