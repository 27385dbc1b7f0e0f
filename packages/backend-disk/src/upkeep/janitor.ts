import { LONGEST_TIMER, type Milliseconds, outsideRequests } from '@cashews/core'
import type { Shard } from '../files/shard.ts'

/** The pause between two slices while there is more to do. */
const PAUSE: Milliseconds = 1
/**
 * How long it works at a stretch before it begins no further slice: a slice, or opening a file, takes about as long
 * again.
 */
const STRETCH: Milliseconds = 1

/** Tidies up shard by shard, in short slices between which the event loop is free. */
export class Janitor {
  readonly #shards: readonly Shard[]
  readonly #interval: Milliseconds
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  /** The shards still to visit in this round. */
  #round: Shard[] = []

  /** @param interval The time between two rounds; `Infinity`: only when woken. */
  constructor(shards: readonly Shard[], interval: Milliseconds) {
    this.#shards = shards
    this.#interval = interval
  }

  start(): void {
    this.#isStopped = false
    this.#wait(this.#interval)
  }

  /** Stops for good, even if woken, until it is started again. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#round = []
  }

  /** Begins a round soon, unless one is under way. */
  wake(): void {
    if (this.#isStopped || this.#round.length > 0) return
    this.#round = [...this.#shards]
    this.#wait(PAUSE)
  }

  #wait(delay: Milliseconds): void {
    clearTimeout(this.#timer)
    if (delay < Number.POSITIVE_INFINITY)
      this.#timer = outsideRequests(() => setTimeout(() => this.#work(), Math.min(delay, LONGEST_TIMER)).unref())
  }

  #work(): void {
    const end = performance.now() + STRETCH
    if (this.#round.length === 0) this.#round = [...this.#shards]
    while (this.#round.length > 0 && performance.now() < end) {
      const shard = this.#round.shift() as Shard
      if (shard.tidy()) this.#round.push(shard)
    }
    if (!this.#isStopped) this.#wait(this.#round.length > 0 ? PAUSE : this.#interval)
  }
}
