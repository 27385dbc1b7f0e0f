import type { Milliseconds } from '@cashews/core'
import { turn } from './turn.ts'

/** How long queued work may run before timers and I/O get their turn. */
const STRETCH: Milliseconds = 2

/**
 * Runs work that waited for the same thing one after another, in order of arrival, and yields to the event loop in
 * between: a thousand writes that waited for a lock must not block it for as long as they all take.
 */
export class Pace {
  readonly #queue: (() => void)[] = []
  #isTaken = false
  /** When the time for work in this turn of the event loop is over. */
  #end: Milliseconds | undefined

  /** Runs work when its turn has come. */
  async inTurn<T>(work: () => T): Promise<T> {
    if (this.#isTaken) await new Promise<void>((resolve) => this.#queue.push(resolve))
    this.#isTaken = true
    try {
      while (!this.#hasTime()) await turn()
      return work()
    } finally {
      this.#passOn()
    }
  }

  #hasTime(): boolean {
    const now = performance.now()
    if (this.#end === undefined) {
      this.#end = now + STRETCH
      void turn().then(() => {
        this.#end = undefined
      })
    }
    return now < this.#end
  }

  #passOn(): void {
    const next = this.#queue.shift()
    if (next) next()
    else this.#isTaken = false
  }
}
