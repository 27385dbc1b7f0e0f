import { type Awaitable, chain, type Door, MISS, type Miss } from '@cashews/core'
import { ask } from './ask.ts'

/** The tags that a transaction makes absent: for itself at once, in the store with the commit. */
export class DroppedTags {
  readonly #door: Door
  readonly #readsMatter: boolean
  #deleted = new Set<string>()
  #expired = new Set<string>()

  /** @param readsMatter Whether a look at tags that fails is thrown. */
  constructor(door: Door, readsMatter: boolean) {
    this.#door = door
    this.#readsMatter = readsMatter
  }

  get deleted(): ReadonlySet<string> {
    return this.#deleted
  }

  get expired(): ReadonlySet<string> {
    return this.#expired
  }

  get isEmpty(): boolean {
    return this.#deleted.size + this.#expired.size === 0
  }

  add(tags: readonly string[], expired: boolean): void {
    for (const tag of tags) (expired ? this.#expired : this.#deleted).add(tag)
  }

  /** Whether what the store holds is under one of them. */
  reach(key: string): Awaitable<boolean> {
    if (this.isEmpty) return false
    return this.#isUnder(key, (tag) => this.#deleted.has(tag) || this.#expired.has(tag))
  }

  /** Whether what the store holds is, or was before its own tags expired, under one that was deleted. */
  reachStale(key: string): Awaitable<boolean> {
    return this.#deleted.size > 0 && this.#isUnder(key, (tag) => this.#deleted.has(tag))
  }

  /** Begins anew. What was handed out stays as it is. */
  forget(): void {
    this.#deleted = new Set()
    this.#expired = new Set()
  }

  #isUnder(key: string, isDropped: (tag: string) => boolean): Awaitable<boolean> {
    const { tags } = this.#door.backend
    if (!tags) return false
    const found = ask<readonly string[] | Miss>(this.#door, 'get', key, () => tags.of(key), this.#readsMatter)
    // One that is gone by now may have been under them.
    return chain(found, (found) => found === MISS || found.some(isDropped))
  }
}
