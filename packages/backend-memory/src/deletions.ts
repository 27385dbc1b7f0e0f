import { type Awaitable, compileGlob } from '@cashews/core'
import type { Recency } from './recency.ts'
import { slice } from './slice.ts'

/** What one pattern deletes. */
interface Deletion {
  readonly matches: (key: string) => boolean
  /** The number of the first insertion that it does not concern. */
  readonly end: number
  deleted: number
}

/**
 * Deletions by pattern. What one concerns is absent for every reader from its first moment on; the entries leave the store
 * in slices, with a turn of the event loop between, so that a million keys block nobody.
 */
export class Deletions {
  readonly #entries: Recency
  readonly #running = new Set<Deletion>()

  constructor(entries: Recency) {
    this.#entries = entries
  }

  /**
   * Whether an entry is one of those to delete. The caller then removes it.
   *
   * @param isThere Whether readers still saw it, so that it counts as deleted.
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
   * Begins a deletion, and answers how many were deleted.
   *
   * @param look Removes an entry if it is one of those to delete.
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
