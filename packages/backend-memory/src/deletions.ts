import { type Awaitable, compileGlob, type Milliseconds } from '@cashews/core'
import type { Recency } from './recency.ts'

/** How long one slice takes, and how many entries it looks at between two looks at the clock. */
const SLICE: Milliseconds = 1
const GLANCE = 16

/** What one pattern deletes. */
interface Deletion {
  readonly matches: (key: string) => boolean
  /** The number of the first insertion that it does not concern. */
  readonly end: number
  deleted: number
}

/**
 * Deletes by pattern, which hold for everybody at once, and take the entries out of the store in slices with a turn of
 * the event loop between, so that a million keys block nobody.
 */
export class Deletions {
  readonly #entries: Recency
  readonly #running = new Set<Deletion>()

  constructor(entries: Recency) {
    this.#entries = entries
  }

  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /** Whether an entry is one of those to delete. Then it has to go, and is counted if it was there for readers. */
  concerns(pointer: number, isThere: boolean): boolean {
    const key = this.#entries.K[pointer]
    const stamp = this.#entries.stamped()[pointer] as number
    for (const deletion of this.#running) {
      if (key === undefined || stamp >= deletion.end || !deletion.matches(key)) continue
      if (isThere) deletion.deleted++
      return true
    }
    return false
  }

  /**
   * Begins a deletion, and answers how many were deleted.
   *
   * @param look Removes an entry if it is one of those to delete.
   */
  run(pattern: string, look: (pointer: number) => void): Awaitable<number> {
    const deletion: Deletion = { matches: compileGlob(pattern), end: this.#entries.insertions + 1, deleted: 0 }
    this.#entries.stamped()
    this.#running.add(deletion)
    this.#entries.countDeletions(1)
    const at = this.#slice(0, look)
    if (at === undefined) return this.#ended(deletion)
    return this.#goOn(at, look).then(() => this.#ended(deletion))
  }

  async #goOn(from: number, look: (pointer: number) => void): Promise<void> {
    for (let at: number | undefined = from; at !== undefined; at = this.#slice(at, look))
      await new Promise((resolve) => setImmediate(resolve))
  }

  /** Answers where to go on. */
  #slice(from: number, look: (pointer: number) => void): number | undefined {
    const { K } = this.#entries
    const end = performance.now() + SLICE
    for (let pointer = from; pointer < K.length; pointer++) {
      if (pointer % GLANCE === 0 && performance.now() > end) return pointer
      if (K[pointer] !== undefined) look(pointer)
    }
    return undefined
  }

  #ended(deletion: Deletion): number {
    this.#running.delete(deletion)
    this.#entries.countDeletions(-1)
    return deletion.deleted
  }
}
