import type { Milliseconds } from './backend.ts'

/** Something that is waited for, between what is waited for since before and since after. */
export abstract class Waiting {
  due = 0
  older: Waiting | undefined = undefined
  newer: Waiting | undefined = undefined

  /** It did not come in time, and is not waited for any more. */
  abstract late(): void
}

/** Timers may ring this much too early. */
const EARLY: Milliseconds = 1

/**
 * Ends the wait for what does not come, after the same time for each. All share one timer, which outlives them: to make and
 * end one for each would cost more than everything else a guard does.
 */
export class Deadline {
  readonly #timeout: Milliseconds
  #oldest: Waiting | undefined
  #newest: Waiting | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(timeout: Milliseconds) {
    this.#timeout = timeout
  }

  begin(waiting: Waiting): void {
    const newest = this.#newest
    waiting.due = performance.now() + this.#timeout
    waiting.older = newest
    this.#newest = waiting
    if (newest !== undefined) {
      newest.newer = waiting
      return
    }
    this.#oldest = waiting
    if (this.#timer === undefined) this.#arm(this.#timeout)
    else this.#timer.ref()
  }

  /** Answers whether it was still waited for. */
  end(waiting: Waiting): boolean {
    const { older, newer } = waiting
    if (older === undefined && this.#oldest !== waiting) return false
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    // What never comes must not hold on to all that came after it.
    waiting.older = waiting.newer = undefined
    if (this.#oldest === undefined) this.#timer?.unref()
    return true
  }

  /** Ends the timer, unless something is still waited for. */
  stop(): void {
    if (this.#oldest !== undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(left: Milliseconds): void {
    this.#timer = setTimeout(this.#ring, left - EARLY)
  }

  /** An answer that came while this process was busy is taken first: timers have their turn before sockets. */
  readonly #ring = (): void => {
    this.#timer = undefined
    if (this.#oldest !== undefined) setImmediate(this.#giveUp)
  }

  readonly #giveUp = (): void => {
    const now = performance.now() + EARLY
    for (let next = this.#oldest; next !== undefined && next.due <= now; next = this.#oldest) {
      this.end(next)
      next.late()
    }
    if (this.#timer === undefined && this.#oldest !== undefined) this.#arm(this.#oldest.due - now + EARLY)
  }
}
