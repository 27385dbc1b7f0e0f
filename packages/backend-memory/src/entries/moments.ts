import type { Milliseconds, Moment } from '@cashews/core'
import type { Recency } from './recency.ts'
import { isFaked, type TickingClock } from './ticking-clock.ts'

/** The longest that a moment lasts. */
export const LONGEST_MOMENT: Milliseconds = 1_000

// Taken before tests can fake them.
const { setTimeout, clearTimeout } = globalThis

/** A moment of a store in memory. It also ends when a test fakes the time. */
export class MemoryMoment implements Moment {
  #hasEnded = false

  get isOver(): boolean {
    return this.#hasEnded || isFaked()
  }

  end(): void {
    this.#hasEnded = true
  }
}

/**
 * Makes the moments of a store. A timer ends them, because reading a clock costs more than the look-up of an entry that a
 * moment saves. The timer can be late only while the event loop is blocked.
 */
export class Moments {
  readonly #entries: Recency
  readonly #clock: TickingClock
  readonly #end = (): void => {
    this.#timer = undefined
    this.#entries.changed()
  }
  #timer: NodeJS.Timeout | undefined

  constructor(entries: Recency, clock: TickingClock) {
    this.#entries = entries
    this.#clock = clock
  }

  /** The current moment; `undefined` if the time is not that of the machine, so that no timer follows it. */
  now(): Moment | undefined {
    if (!this.#clock.isOfMachine) return undefined
    this.#timer ??= setTimeout(this.#end, LONGEST_MOMENT).unref()
    if (this.#entries.moment?.isOver !== false) this.#entries.moment = new MemoryMoment()
    return this.#entries.moment
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
