/** A tag that entries have, or had when it was deleted. */
class Tag {
  readonly name: string
  /** How many entries have it. */
  members = 0
  isDeleted = false
  /** How often it was expired. */
  revision = 0

  constructor(name: string) {
    this.name = name
  }
}

/** The tags of an entry, and their state when it was written: the entry is there as long as that has not changed. */
export class Ties {
  readonly tags: readonly Tag[]
  readonly revision: number
  /** {@link TagBook.changes} at the time of the write. */
  readonly since: number

  constructor(tags: readonly Tag[], now: number) {
    this.tags = tags
    this.revision = revisionOf(tags)
    this.since = now
  }

  get names(): string[] {
    return this.tags.map(({ name }) => name)
  }

  /** Whether no tag was deleted or expired since. @param stale Whether expired tags do not matter. */
  hold(stale: boolean): boolean {
    return !this.tags.some(({ isDeleted }) => isDeleted) && (stale || this.revision === revisionOf(this.tags))
  }
}

/**
 * The tags of a store in this process. A tag exists as long as an entry has it. Deleting a tag only marks it: its entries are
 * found to be absent when they are next looked at.
 */
export class TagBook {
  readonly #tags = new Map<string, Tag>()
  /** Counts all deletions and expirations of tags. */
  changes = 0

  /** The ties for an entry that is about to be written; `undefined` if it has no tags. */
  tie(names: readonly string[]): Ties | undefined {
    if (names.length === 0) return undefined
    const tags = [...new Set(names)].map((name) => this.#tags.get(name) ?? new Tag(name))
    return new Ties(tags, this.changes)
  }

  /** Notes that an entry with these ties was written. */
  keep({ tags }: Ties): void {
    for (const tag of tags) if (tag.members++ === 0) this.#tags.set(tag.name, tag)
  }

  /** Notes that an entry with these ties is gone, or has got others. A tag without entries is dropped. */
  release({ tags }: Ties): void {
    for (const tag of tags) if (--tag.members === 0 && this.#tags.get(tag.name) === tag) this.#tags.delete(tag.name)
  }

  /** Whether ties that were valid at the change `at` still are, even if no entry has had their tags since. */
  isCurrent({ tags }: Ties, at: number): boolean {
    return tags.every((tag) => {
      const now = this.#tags.get(tag.name)
      return now === tag || (now === undefined && at === this.changes)
    })
  }

  /** Deletes a tag, and returns whether entries have it. */
  delete(name: string): boolean {
    this.changes++
    const tag = this.#tags.get(name)
    if (tag === undefined) return false
    tag.isDeleted = true
    return this.#tags.delete(name)
  }

  /** Expires a tag, and returns whether entries have it. */
  expire(name: string): boolean {
    this.changes++
    const tag = this.#tags.get(name)
    if (tag !== undefined) tag.revision++
    return tag !== undefined
  }

  clear(): void {
    this.changes++
    this.#tags.clear()
  }
}

function revisionOf(tags: readonly Tag[]): number {
  return tags.reduce((sum, { revision }) => sum + revision, 0)
}
