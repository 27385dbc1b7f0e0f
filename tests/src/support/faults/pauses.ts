import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'

/** Watches how long the turns of this event loop take, leaving out what others had the processor for. */
export class Pauses {
  #worst = 0
  #isOver = false
  readonly #watching = this.#watch()

  /** Answers the longest turn, in milliseconds. */
  async end(): Promise<number> {
    this.#isOver = true
    await this.#watching
    return this.#worst
  }

  async #watch(): Promise<void> {
    for (let last = ownTime(); !this.#isOver; ) {
      await setImmediate()
      const now = ownTime()
      this.#worst = Math.max(this.#worst, now - last)
      last = now
    }
  }
}

/** Milliseconds, without those that this thread was ready to run while others did: where Linux counts them. */
function ownTime(): number {
  try {
    return performance.now() - Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return performance.now()
  }
}
