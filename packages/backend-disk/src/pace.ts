import type { Milliseconds } from '@cashews/core'
import { turn } from './turn.ts'

/** How long those who waited may go on before timers and I/O have their turn. */
const STRETCH: Milliseconds = 2

/**
 * Lets those who waited for the same thing go on one after another, in the order they came, and the event loop have its
 * turn in between: a thousand writes that waited for a lock are no reason to stand still for as long as they all take.
 */
export class Pace {
  readonly #queue: (() => void)[] = []
  #isTaken = false
  /** When the stretch of this turn of the event loop is over. */
  #end: Milliseconds | undefined

  /** Does work when it is its turn. */
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
