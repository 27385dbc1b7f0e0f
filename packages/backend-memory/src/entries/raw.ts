import type { Ties } from './tag-book.ts'

/** What `getRaw` of a store in memory answers for an entry with tags, so that `setRaw` can restore the tags. */
export class Raw {
  readonly value: unknown
  readonly ties: Ties
  /** `TagBook.changes` at that time. */
  readonly at: number

  constructor(value: unknown, ties: Ties, at: number) {
    this.value = value
    this.ties = ties
    this.at = at
  }
}
