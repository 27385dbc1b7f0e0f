import type { Milliseconds } from '@cashews/core'
import { turn } from './turn.ts'

/** How long closing the store waits for the work under way. */
const PATIENCE: Milliseconds = 500

/** Work that takes several turns of the event loop, and must complete even if the store is closed meanwhile. */
export class UnderWay {
  readonly #works = new Set<Promise<unknown>>()

  /** Keeps track of work until it has ended. */
  note<T>(work: Promise<T>): Promise<T> {
    const ended = () => void this.#works.delete(work)
    this.#works.add(work)
    work.then(ended, ended)
    return work
  }

  /** Resolves when all of it has ended, what follows on it included, or {@link PATIENCE} is over. */
  async ended(): Promise<void> {
    if (this.#works.size === 0) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, PATIENCE)
    })
    await Promise.race([this.#allEnded(), late])
    clearTimeout(timer)
  }

  async #allEnded(): Promise<void> {
    while (this.#works.size > 0) {
      await Promise.allSettled(this.#works)
      await turn()
    }
  }
}
