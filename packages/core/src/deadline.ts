import type { Awaitable } from './awaitable.ts'
import type { Milliseconds } from './backend.ts'

/** An answer that is waited for, between one that is waited for since before and one since after. */
interface Waiting {
  readonly due: number
  readonly late: () => void
  older: Waiting | undefined
  newer: Waiting | undefined
}

/** What becomes of an answer. */
export interface Endings<T> {
  /** It came in time. */
  done(): void
  /** It is an error, or {@link late}. What this answers, or throws, is the answer instead. */
  failed(error: unknown): Awaitable<T>
  late(): Error
}

/** Timers may ring this much too early. */
const EARLY: Milliseconds = 1

/**
 * Waits for answers, for each of them equally long at most. All share one timer, which outlives them: to make and end one
 * for each would cost more than everything else a guard does.
 */
export class Deadline {
  readonly #timeout: Milliseconds
  #oldest: Waiting | undefined
  #newest: Waiting | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(timeout: Milliseconds) {
    this.#timeout = timeout
  }

  /** Answers what comes in time. (`Promise.race` costs two thirds more.) */
  wait<T>(answer: Promise<T>, { late, done, failed }: Endings<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (error: unknown) => {
        try {
          resolve(failed(error))
        } catch (thrown) {
          reject(thrown)
        }
      }
      const waiting = this.#begin(() => fail(late()))
      answer.then(
        (value) => {
          if (this.#end(waiting)) done()
          resolve(value)
        },
        (error) => {
          if (this.#end(waiting)) fail(error)
        },
      )
    })
  }

  /** Ends the timer, unless answers are still waited for. */
  stop(): void {
    if (this.#oldest !== undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #begin(late: () => void): Waiting {
    const newest = this.#newest
    const waiting: Waiting = { due: performance.now() + this.#timeout, late, older: newest, newer: undefined }
    this.#newest = waiting
    if (newest !== undefined) {
      newest.newer = waiting
      return waiting
    }
    this.#oldest = waiting
    if (this.#timer === undefined) this.#arm(this.#timeout)
    else this.#timer.ref()
    return waiting
  }

  /** Answers whether it was still waited for. */
  #end(waiting: Waiting): boolean {
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
      this.#end(next)
      next.late()
    }
    if (this.#timer === undefined && this.#oldest !== undefined) this.#arm(this.#oldest.due - now + EARLY)
  }
}
