import type { Milliseconds } from './backend.ts'

/** Something that is waited for, together with all that began in the same turn of the event loop. */
export interface Waiting {
  /** None before it is waited for, and none after. */
  turn: Turn | undefined
  /** It did not come in time, and is not waited for any more. */
  late(): void
}

/** What began in one turn of the event loop, between the turns before and after of which something is still waited for. */
export class Turn {
  readonly waiting: Waiting[] = []
  /** How many of them have not come yet. */
  left = 0
  due: Milliseconds = Number.POSITIVE_INFINITY
  older: Turn | undefined = undefined
  newer: Turn | undefined = undefined
}

/** Timers may ring this much too early. */
const EARLY: Milliseconds = 1

/**
 * Ends the wait for what does not come, after the same time for each, counted from the end of the turn that it began in: a
 * turn that is busy for long has not sent yet what it asks for. All share one timer, which outlives them, and each turn looks at
 * the clock once: to make and end a timer for each would cost more than everything else a guard does.
 */
export class Deadline {
  readonly timeout: Milliseconds
  /** The turn that is not over yet. */
  #current: Turn | undefined
  #oldest: Turn | undefined
  #newest: Turn | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(timeout: Milliseconds) {
    this.timeout = timeout
  }

  begin(waiting: Waiting): void {
    const turn = this.#current ?? this.#begun()
    turn.waiting.push(waiting)
    turn.left++
    waiting.turn = turn
  }

  /** Answers whether it was still waited for. */
  end(waiting: Waiting): boolean {
    const { turn } = waiting
    if (turn === undefined) return false
    waiting.turn = undefined
    if (--turn.left === 0 && turn !== this.#current) this.#remove(turn)
    return true
  }

  /** Ends the timer, unless something is still waited for. */
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
    // What never comes must not hold on to all that came after it.
    turn.older = turn.newer = undefined
    if (this.#oldest === undefined) this.#timer?.unref()
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
    for (let turn = this.#oldest; turn !== undefined && turn.due <= now; turn = this.#oldest)
      for (const waiting of turn.waiting) if (this.end(waiting)) waiting.late()
    if (this.#timer === undefined && this.#oldest !== undefined) this.#arm(this.#oldest.due - now + EARLY)
  }
}
