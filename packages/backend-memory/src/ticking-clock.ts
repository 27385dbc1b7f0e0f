import type { Clock, Milliseconds } from '@cashews/core'

/** How often one look at the clock of the machine may be used. */
const MOST_READS = 1_000
/** From how many looks within a millisecond on a timer costs less than the looks it spares. */
const OFTEN = 16

/** Kept from before anybody can fake them. A `Date.now` that already is a fake is never trusted. */
const { setTimeout, clearTimeout } = globalThis
const machineNow = /native code/.test(Function.prototype.toString.call(Date.now)) ? Date.now : undefined

/** Whether somebody moves time by hand, as tests do. */
export function isFaked(): boolean {
  return Date.now !== machineNow
}

/**
 * The time of the machine, read from memory most of the time, because asking for it costs more than the rest of a hit.
 *
 * A remembered time is used until a timer of 1 ms has run, and no more than a thousand times: it can only be older while
 * the event loop is blocked. Who asks a few times a millisecond, as a server does, sets no timer off: it would wake the
 * process for each of its requests. A faked `Date.now` and a clock given by the user are asked every time.
 *
 * The clock of the machine may be set back: then time goes on from where it was, so that nothing outlives its lifetime.
 */
export class TickingClock implements Clock {
  readonly #source: Clock | undefined
  readonly #forget = (): void => {
    this.#timer = undefined
    this.#reads = 0
  }
  #time: Milliseconds = 0
  /** By how much the clock of the machine was set back. */
  #setBack: Milliseconds = 0
  /** How often the machine was asked since its time changed. */
  #looks = 0
  #reads = 0
  #timer: NodeJS.Timeout | undefined

  constructor(source?: Clock) {
    this.#source = source
  }

  /** Whether it goes by the machine, and not by the hand of a user or of a test. */
  get isOfMachine(): boolean {
    return this.#source === undefined && !isFaked()
  }

  /** The time, or what it was a moment ago. */
  now(): Milliseconds {
    if (this.#reads === 0 || isFaked()) return this.precise()
    this.#reads--
    return this.#time
  }

  /** The time. */
  precise(): Milliseconds {
    if (this.#source) return this.#source.now()
    let time = Date.now() + this.#setBack
    if (time < this.#time) {
      this.#setBack += this.#time - time
      time = this.#time
    }
    this.#looks = time === this.#time ? this.#looks + 1 : 1
    this.#time = time
    if (this.#looks >= OFTEN && !isFaked()) this.#remember()
    return time
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#forget()
  }

  #remember(): void {
    this.#reads = MOST_READS
    this.#timer ??= setTimeout(this.#forget, 1).unref()
  }
}
