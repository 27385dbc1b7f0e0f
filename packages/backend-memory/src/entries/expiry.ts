import { LONGEST_TIMER, type Milliseconds, outsideRequests } from '@cashews/core'
import type { Recency } from './recency.ts'
import { slice } from './slice.ts'
import type { TickingClock } from './ticking-clock.ts'

/** The pause between two slices of a pass. */
const PAUSE: Milliseconds = 1

/**
 * Removes expired entries that nobody asks for, so that they take no room.
 *
 * A pass begins only when something has expired, and visits all entries in slices with pauses in between. No timer runs while
 * nothing can expire, and none keeps the process alive.
 */
export class Expiry {
  readonly #entries: Recency
  readonly #clock: TickingClock
  readonly #interval: Milliseconds
  readonly #remove: (pointer: number) => void
  #earliest = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #running = false
  /** Where the current pass continues; 0 between passes. */
  #position = 0
  /** {@link Recency.doubts} when the pass began; `NaN` once it has met an entry with an expired tag, which stays in the store. */
  #doubts = 0

  /** @param interval The time between two passes; `Infinity`: there are none. */
  constructor(entries: Recency, clock: TickingClock, interval: Milliseconds, remove: (pointer: number) => void) {
    this.#entries = entries
    this.#clock = clock
    this.#interval = interval
    this.#remove = remove
  }

  start(): void {
    this.#running = this.#interval < Number.POSITIVE_INFINITY
    this.#wake()
  }

  stop(): void {
    this.#running = false
    this.#position = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Notes when an entry expires, so that a pass follows. */
  expect(expiresAt: number): void {
    if (expiresAt >= this.#earliest) return
    this.#earliest = expiresAt
    this.#wake()
  }

  /** Sets the timer for the next slice, if there will be anything to do. */
  #wake(): void {
    const isMidway = this.#position > 0
    if (!this.#running || (!isMidway && this.#earliest === Number.POSITIVE_INFINITY)) return
    const delay = isMidway ? PAUSE : Math.min(this.#interval, LONGEST_TIMER)
    this.#timer ??= outsideRequests(() => setTimeout(() => this.#slice(), delay).unref())
  }

  #slice(): void {
    const now = this.#clock.precise()
    if (this.#entries.size === 0) this.#earliest = Number.POSITIVE_INFINITY
    if (this.#position > 0 || now >= this.#earliest) this.#pass(now)
    this.#timer = undefined
    this.#wake()
  }

  /** Continues a pass or begins one, and finds out what expires next. */
  #pass(now: Milliseconds): void {
    const { K, expiresAt, ties } = this.#entries
    const areTied = this.#entries.isPlain || ties === undefined
    if (this.#position === 0) {
      this.#earliest = Number.POSITIVE_INFINITY
      this.#doubts = this.#entries.doubts
    }
    this.#position = slice(K, this.#position, (pointer) => {
      const endsAt = expiresAt[pointer] as number
      if (!areTied && this.#entries.isVoid(pointer)) this.#entries.drop(pointer)
      else if (endsAt <= now) this.#remove(pointer)
      else {
        this.#earliest = Math.min(this.#earliest, endsAt)
        if (!areTied && ties[pointer]?.hold(false) === false) this.#doubts = Number.NaN
      }
    })
    if (this.#position === 0 && this.#doubts === this.#entries.doubts) this.#entries.trustTies()
  }
}
