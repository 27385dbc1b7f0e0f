import type { Clock, Milliseconds } from '@cashews/core'

/** How often one reading of the system clock may be used. */
const MOST_READS = 1_000
/** From this many readings in a millisecond on, a timer costs less than the readings that it saves. */
const OFTEN = 16

/** Taken before tests can fake them. If `Date.now` is a fake already, it is called every time. */
const { setTimeout, clearTimeout } = globalThis
const machineNow = /native code/.test(Function.prototype.toString.call(Date.now)) ? Date.now : undefined

/** Whether `Date.now` is faked, as tests do to move time by hand. */
export function isFaked(): boolean {
  return Date.now !== machineNow
}

/**
 * The time of the system clock, which is remembered for a moment, because reading it costs more than the rest of a hit.
 *
 * A remembered time is used until a timer of 1 ms has fired, and at most a thousand times: it can be older than that only while
 * the event loop is blocked. No timer is set for a program that asks only a few times per millisecond, as a server does: it
 * would wake the process for each request. A faked `Date.now` and a clock given by the user are read every time.
 *
 * When the system clock is set back, time continues from where it was, so that nothing outlives its lifetime.
 */
export class TickingClock implements Clock {
  readonly #source: Clock | undefined
  readonly #forget = (): void => {
    this.#timer = undefined
    this.#reads = 0
  }
  #time: Milliseconds = 0
  /** By how much the system clock was set back. */
  #setBack: Milliseconds = 0
  /** How often the system clock was read since its time last changed. */
  #looks = 0
  #reads = 0
  #timer: NodeJS.Timeout | undefined

  constructor(source?: Clock) {
    this.#source = source
  }

  /** Whether this is the time of the machine, not of a user's clock or of a test. */
  get isOfMachine(): boolean {
    return this.#source === undefined && !isFaked()
  }

  /** The time, or a remembered one from a moment ago. */
  now(): Milliseconds {
    if (this.#reads === 0 || isFaked()) return this.precise()
    this.#reads--
    return this.#time
  }

  /** The exact time. */
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
