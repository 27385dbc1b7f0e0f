/** A tag that entries are under, or that entries were under when it was deleted. */
class Tag {
  readonly name: string
  /** How many entries are under it. */
  members = 0
  isDeleted = false
  /** How often it expired. */
  revision = 0

  constructor(name: string) {
    this.name = name
  }
}

/** The tags of an entry, and what they were when it was written: it is there as long as that still holds. */
export class Ties {
  readonly tags: readonly Tag[]
  readonly revision: number
  /** When they were made: a number of {@link TagBook.changes}. */
  readonly since: number

  constructor(tags: readonly Tag[], now: number) {
    this.tags = tags
    this.revision = revisionOf(tags)
    this.since = now
  }

  get names(): string[] {
    return this.tags.map(({ name }) => name)
  }

  /** Whether no tag was deleted since, nor expired. @param stale Whether those that only expired will do. */
  hold(stale: boolean): boolean {
    return !this.tags.some(({ isDeleted }) => isDeleted) && (stale || this.revision === revisionOf(this.tags))
  }
}

/**
 * The tags of a store in this process. A tag lives as long as an entry is under it, and to delete it is to mark it:
 * entries find out when they are looked at.
 */
export class TagBook {
  readonly #tags = new Map<string, Tag>()
  /** How many deletions and expirations there were. */
  changes = 0

  /** Ties for entries that are about to be written; none for no names. */
  tie(names: readonly string[]): Ties | undefined {
    if (names.length === 0) return undefined
    const tags = [...new Set(names)].map((name) => this.#tags.get(name) ?? new Tag(name))
    return new Ties(tags, this.changes)
  }

  /** Notes that an entry has these ties. */
  keep({ tags }: Ties): void {
    for (const tag of tags) if (tag.members++ === 0) this.#tags.set(tag.name, tag)
  }

  /** Notes that an entry with these ties is gone, or has others. The last one takes the tag with it. */
  release({ tags }: Ties): void {
    for (const tag of tags) if (--tag.members === 0 && this.#tags.get(tag.name) === tag) this.#tags.delete(tag.name)
  }

  /** Whether ties that held at the change `at` still do, although perhaps no entry has kept their tags alive since. */
  isCurrent({ tags }: Ties, at: number): boolean {
    return tags.every((tag) => {
      const now = this.#tags.get(tag.name)
      return now === tag || (now === undefined && at === this.changes)
    })
  }

  /** Answers whether entries are under it. */
  delete(name: string): boolean {
    this.changes++
    const tag = this.#tags.get(name)
    if (tag === undefined) return false
    tag.isDeleted = true
    return this.#tags.delete(name)
  }

  /** Answers whether entries are under it. */
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
