import { type Awaitable, compileGlob } from '@cashews/core'
import type { Recency } from './recency.ts'
import { slice } from './slice.ts'

/** One deletion by pattern that is in progress. */
interface Deletion {
  readonly matches: (key: string) => boolean
  /** The number of the first insertion that it does not affect, because it came later. */
  readonly end: number
  deleted: number
}

/**
 * Deletions by pattern. Matching entries are absent for every reader from the start. They are removed from the store in slices,
 * with turns of the event loop in between, so that a million keys block nobody.
 */
export class Deletions {
  readonly #entries: Recency
  readonly #running = new Set<Deletion>()

  constructor(entries: Recency) {
    this.#entries = entries
  }

  /**
   * Whether an entry is to be deleted. The caller then removes it.
   *
   * @param isThere Whether readers could still see it, so that it counts as deleted.
   */
  concerns(pointer: number, isThere: boolean): boolean {
    const key = this.#entries.K[pointer]
    for (const deletion of this.#running) {
      const stamp = this.#entries.stamped()[pointer] as number
      if (key === undefined || stamp >= deletion.end || !deletion.matches(key)) continue
      if (isThere) deletion.deleted++
      return true
    }
    return false
  }

  /**
   * Deletes entries, and returns how many.
   *
   * @param look Removes an entry if it is to be deleted.
   */
  run(pattern: string, look: (pointer: number) => void): Awaitable<number> {
    const deletion: Deletion = { matches: compileGlob(pattern), end: this.#entries.insertions + 1, deleted: 0 }
    this.#entries.stamped()
    this.#running.add(deletion)
    this.#entries.countDeletions(1)
    const at = slice(this.#entries.K, 0, look)
    return at === 0 ? this.#ended(deletion) : this.#goOn(at, look).then(() => this.#ended(deletion))
  }

  async #goOn(from: number, look: (pointer: number) => void): Promise<void> {
    for (let at = from; at > 0; at = slice(this.#entries.K, at, look))
      await new Promise((resolve) => setImmediate(resolve))
  }

  #ended(deletion: Deletion): number {
    this.#running.delete(deletion)
    this.#entries.countDeletions(-1)
    return deletion.deleted
  }
}
