import type { Milliseconds } from '../backend.ts'
import { outsideRequests } from '../basics/outside-requests.ts'
import { LONGEST_TIMER } from '../clock.ts'

/** A wait that ends with an answer, or with its deadline. */
export interface Waiting {
  /** The turn of the event loop that it began in; `undefined` before it began and after it ended. */
  turn: Turn | undefined
  /** Called when the answer did not come in time. The wait has ended. */
  late(): void
}

/** The waits that began in one turn of the event loop: an entry in a linked list of the turns with waits left. */
export class Turn {
  readonly waiting: Waiting[] = []
  /** How many of the waits have not ended. */
  left = 0
  due: Milliseconds = 0
  older: Turn | undefined = undefined
  newer: Turn | undefined = undefined
}

/** A timer may fire this much too early. */
const EARLY: Milliseconds = 1

/**
 * Ends waits after a fixed time, counted from the end of the turn of the event loop that they began in: only then was
 * anything sent. All waits share one timer, and the clock is read once per turn: a timer for each wait would cost more
 * than everything else that a guard does.
 */
export class Deadline {
  readonly timeout: Milliseconds
  /** The turn that has not ended yet. */
  #current: Turn | undefined
  #oldest: Turn | undefined
  #newest: Turn | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(timeout: Milliseconds) {
    this.timeout = Math.min(timeout, LONGEST_TIMER)
  }

  begin(waiting: Waiting): void {
    const turn = this.#current ?? this.#begun()
    turn.waiting.push(waiting)
    turn.left++
    waiting.turn = turn
  }

  /** Ends a wait. Returns whether it had not ended before. */
  end(waiting: Waiting): boolean {
    const { turn } = waiting
    if (turn === undefined) return false
    waiting.turn = undefined
    if (--turn.left === 0 && turn !== this.#current) this.#remove(turn)
    return true
  }

  /** Stops the timer, unless there are waits left. */
  stop(): void {
    if (this.#oldest !== undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #begun(): Turn {
    this.#current = new Turn()
    process.nextTick(this.#onEnd)
    return this.#current
  }

  readonly #onEnd = (): void => {
    const turn = this.#current as Turn
    this.#current = undefined
    if (turn.left > 0) this.#add(turn)
  }

  #add(turn: Turn): void {
    const newest = this.#newest
    turn.due = performance.now() + this.timeout
    turn.older = newest
    this.#newest = turn
    if (newest !== undefined) {
      newest.newer = turn
      return
    }
    this.#oldest = turn
    if (this.#timer === undefined) this.#arm(this.timeout)
    else this.#timer.ref()
  }

  #remove(turn: Turn): void {
    const { older, newer } = turn
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    // Unlinked, so that a wait that is still referenced does not keep all later turns in memory.
    turn.older = turn.newer = undefined
    if (this.#oldest === undefined) this.#timer?.unref()
  }

  #arm(left: Milliseconds): void {
    this.#timer = outsideRequests(() => setTimeout(this.#ring, left - EARLY))
  }

  /** Timers run before sockets are read: answers that arrived while the process was busy are taken first. */
  readonly #ring = (): void => {
    this.#timer = undefined
    if (this.#oldest !== undefined) setImmediate(this.#giveUp)
  }

  readonly #giveUp = (): void => {
    const now = performance.now() + EARLY
    for (let turn = this.#oldest; turn !== undefined && turn.due <= now; turn = this.#oldest)
      for (const waiting of turn.waiting) if (this.end(waiting)) waiting.late()
    if (this.#timer === undefined && this.#oldest !== undefined) this.#arm(this.#oldest.due - now + EARLY)
  }
}
