import type { Milliseconds } from '@cashews/core'

/** How long what is under way may take to end when the store is closed. */
const PATIENCE: Milliseconds = 500

/** The work that takes several turns of the event loop, and has to be done although the store is being closed. */
export class UnderWay {
  readonly #works = new Set<Promise<unknown>>()

  /** Notes work until it has ended. */
  note<T>(work: Promise<T>): Promise<T> {
    const ended = () => void this.#works.delete(work)
    this.#works.add(work)
    work.then(ended, ended)
    return work
  }

  /** Resolves when all of it has ended, or took too long. */
  async ended(): Promise<void> {
    if (this.#works.size === 0) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, PATIENCE)
    })
    await Promise.race([Promise.allSettled(this.#works), late])
    clearTimeout(timer)
  }
}
