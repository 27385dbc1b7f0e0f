import type { Milliseconds, TagsAhead } from '../../backend.ts'
import type { Awaitable } from '../../basics/awaitable.ts'

/** The state of a load's tags before it began: their stamps; if the tags are not known yet, that of the record of all tags. */
export type Proof = readonly [stamps: readonly string[], tags: TagsAhead]

/** What {@link TagSteps.lease} answers: a value that was written meanwhile; or a lease, and the contents of the records in order. */
export type TaggedLease = { readonly value: unknown } | { readonly lease: string; readonly held: readonly string[] }

/** Some tags, with whatever a store has prepared for reading and writing values with them. */
export interface KnownTags {
  /** Their names. */
  readonly tags: readonly string[]
}

/** How a write with tags treats the records of the tags. */
export interface TagWrite {
  /** The tags, as prepared by {@link TagSteps.know}. */
  readonly known: KnownTags
  /** The content for records that are absent. */
  readonly fresh: string
  /** How long records live at least, in milliseconds: longer than the value. */
  readonly recordLifetime: Milliseconds
}

/** Receives a value and the records of its tags, by a single call of one of these. */
export interface TagAsker {
  /** The value alone: its tags are those that were expected, in this order, and its stamps are those in the records. */
  fresh(value: unknown): void
  /** In all other cases: what `getMany` answers for the key and the records. */
  found(held: unknown[]): void
  /** The reason why it could not be read. */
  failed(error: unknown): void
}

/**
 * What a store that keeps both values and the records of their tags can do with them in one step. A member returns `undefined`
 * if that is not possible for these keys: it is then done in several steps.
 *
 * A write stores values together with the stamps in the records. It creates records that are absent or were only made for a load,
 * and lets records that would end before the values live for {@link TagWrite.recordLifetime}.
 */
export interface TagSteps {
  /**
   * Prepares tags for the other members. The result is remembered for the keys that have these tags.
   *
   * @param tags `'any'` for the record of all tags, which only {@link TagSteps.lease} is called with.
   */
  know(tags: TagsAhead): KnownTags

  /** Reads a value together with the records of the tags it is expected to have. Absent if there are copies in this process. */
  readFor?(key: string, known: KnownTags, asker: TagAsker): void

  /**
   * Takes a lease and reads the records. Creates those that are absent, and lets all live for at least as long as a load may take.
   *
   * @param fresh The content for records that are absent.
   * @param orValue Whether to return the value instead, if there is one.
   * @param held What was just found in the records, which need not be read again.
   */
  lease(
    key: string,
    known: KnownTags,
    fresh: string,
    orValue: boolean,
    held?: readonly unknown[],
  ): Awaitable<TaggedLease> | undefined

  /** Writes a value, whatever the records of its tags contain. */
  set(key: string, value: unknown, lifetime: Milliseconds, tags: TagWrite): Awaitable<true> | undefined

  /** Does the same for many values. The last of several for one key wins. */
  setMany(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    tags: TagWrite,
  ): Awaitable<true> | undefined

  /** Writes a value as `Leases.set` does, unless a record has changed since the proof was made. Answers whether it did. */
  setLeased(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    tags: TagWrite,
    lease: string,
    proof: Proof | undefined,
  ): Awaitable<boolean> | undefined
}
