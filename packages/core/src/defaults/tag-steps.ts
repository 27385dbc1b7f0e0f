import type { Awaitable } from '../awaitable.ts'
import type { Milliseconds, TagsAhead } from '../backend.ts'

/** The state of the tags of a load before it began: their stamps, or, while the tags are unknown, the stamp of the record of all tags. */
export type Proof = readonly [stamps: readonly string[], tags: TagsAhead]

/** What {@link TagSteps.lease} answers: a value that was written meanwhile, or a lease and the content of the records, in their order. */
export type TaggedLease = { readonly value: unknown } | { readonly lease: string; readonly held: readonly string[] }

/** Some tags, with whatever a store keeps ready to read and write values with them. */
export interface KnownTags {
  /** Their names. */
  readonly tags: readonly string[]
}

/** Receives a value and the records of its tags, by one call of one of these. */
export interface TagAsker {
  /** The value alone: its tags are those asked for, in this order, and its stamps are what the records hold. */
  fresh(value: unknown): void
  /** Otherwise: what `getMany` answers for the key and the records. */
  found(held: unknown[]): void
  /** Why it could not be read. */
  failed(error: unknown): void
}

/**
 * What a store does in one step with values and the records of their tags, where it keeps both and can see them at once. A
 * member answers `undefined` when it cannot for these keys: then it is done in several.
 *
 * A write puts values beside what the records hold. It makes those that are absent or made ahead for a load, and lets those that
 * would end before the values live for `recordLifetime`.
 */
export interface TagSteps {
  /**
   * Makes ready what the other members are told of tags. It is remembered with the keys that have them.
   *
   * @param tags `'any'`: the record of all, which {@link TagSteps.lease} alone is told.
   */
  know(tags: TagsAhead): KnownTags

  /** Reads a value together with the records of the tags it is assumed to have. Absent when values are copied to this process. */
  readFor?(key: string, known: KnownTags, asker: TagAsker): void

  /**
   * Takes a lease and reads the records. Those that are absent it makes, and lets all live for a load at least.
   *
   * @param fresh What those records hold that have to be made.
   * @param orValue Whether a value that is there will do.
   * @param held What the records were found to hold, just before. They need not be read once more.
   */
  lease(
    key: string,
    known: KnownTags,
    fresh: string,
    orValue: boolean,
    held?: readonly unknown[],
  ): Awaitable<TaggedLease> | undefined

  /**
   * Writes a value, whatever the records of its tags hold, and answers true.
   *
   * @param fresh What those records hold that have to be made.
   */
  set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    known: KnownTags,
    fresh: string,
    recordLifetime: Milliseconds,
  ): Awaitable<true> | undefined

  /** Does the same for many. The last of several values for one key wins. */
  setMany(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    known: KnownTags,
    fresh: string,
    recordLifetime: Milliseconds,
  ): Awaitable<true> | undefined

  /** Writes a value as `Leases.set` does, unless a record holds something else than it has to. Answers whether it did. */
  setLeased(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    lease: string,
    known: KnownTags,
    proof: Proof | undefined,
    fresh: string,
    recordLifetime: Milliseconds,
  ): Awaitable<boolean> | undefined
}
