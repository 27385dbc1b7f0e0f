import type { Awaitable } from '../awaitable.ts'
import type { Milliseconds, TagsAhead } from '../backend.ts'

/** What the tags of a load were before it: the stamps that their records held, or, where they are not known yet, that of the record of all. */
export type Proof = readonly [stamps: readonly string[], tags: TagsAhead]

/** What {@link TagSteps.lease} answers: what came between, or a lease and what the records hold, in their order. */
export type TaggedLease = { readonly value: unknown } | { readonly lease: string; readonly held: readonly string[] }

/** Some tags, with whatever a store needs to know to read and write under them. */
export interface KnownTags {
  /** Their names. */
  readonly tags: readonly string[]
}

/** Waits for a value and the records of its tags. It is told once, by one of these. */
export interface TagAsker {
  /** The value without its tags, which are those asked for, in their order, with the stamps that the records hold. */
  fresh(value: unknown): void
  /** Otherwise what `getMany` answers of the key and of the records. */
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

  /** Reads a value together with the records of tags that it is thought to have. Absent where values are near at hand. */
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
