import { type Awaitable, chain, type Door, MISS, type Miss } from '@cashews/core'
import { ask } from './ask.ts'

/** What a transaction does to a tag: `expired` keeps the values of the tag as stale ones. */
export type Dropping = 'deleted' | 'expired'

/** The tags that a transaction deletes or expires: in its own view at once, in the store with the commit. */
export class DroppedTags {
  readonly #door: Door
  readonly #readsMatter: boolean
  #dropped = noTags()

  /** @param readsMatter Whether a failure to read a key's tags is thrown. */
  constructor(door: Door, readsMatter: boolean) {
    this.#door = door
    this.#readsMatter = readsMatter
  }

  get deleted(): ReadonlySet<string> {
    return this.#dropped.deleted
  }

  get expired(): ReadonlySet<string> {
    return this.#dropped.expired
  }

  get isEmpty(): boolean {
    return this.deleted.size + this.expired.size === 0
  }

  add(tags: readonly string[], how: Dropping): void {
    for (const tag of tags) this.#dropped[how].add(tag)
  }

  /** Whether the key in the store has one of these tags. */
  reach(key: string): Awaitable<boolean> {
    if (this.isEmpty) return false
    return this.#isUnder(key, (tag) => this.deleted.has(tag) || this.expired.has(tag))
  }

  /** Whether the key in the store has a deleted tag, or had one before its own tags expired. */
  reachStale(key: string): Awaitable<boolean> {
    return this.deleted.size > 0 && this.#isUnder(key, (tag) => this.deleted.has(tag))
  }

  /** Starts with no tags. The sets that were handed out stay as they are. */
  forget(): void {
    this.#dropped = noTags()
  }

  #isUnder(key: string, isDropped: (tag: string) => boolean): Awaitable<boolean> {
    const { tags } = this.#door.backend
    if (!tags) return false
    const found = ask<readonly string[] | Miss>(this.#door, 'get', key, () => tags.of(key), this.#readsMatter)
    // A key that is gone by now may have had one of the tags.
    return chain(found, (found) => found === MISS || found.some(isDropped))
  }
}

function noTags(): Readonly<Record<Dropping, Set<string>>> {
  return { deleted: new Set(), expired: new Set() }
}
