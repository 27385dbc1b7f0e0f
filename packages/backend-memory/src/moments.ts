import type { Milliseconds, Moment } from '@cashews/core'
import type { Recency } from './recency.ts'
import { isFaked, type TickingClock } from './ticking-clock.ts'

/** How long a moment is at most. */
export const LONGEST_MOMENT: Milliseconds = 1_000

// Kept from before anybody can fake them.
const { setTimeout, clearTimeout } = globalThis

/** A moment of a store in memory: it is over, too, once somebody fakes the time. */
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
 * The moments of the entries. A timer ends the longest: to read a clock costs more than the look at an entry that a moment
 * spares. It can only be late while the event loop is blocked.
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

  /** The one it is; `undefined` when time does not go by the machine, and so by no timer. */
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
