import type { Awaitable } from '../awaitable.ts'
import type { Milliseconds } from '../backend.ts'

/** Begins a record made for a load that has not stored anything yet. It is to live no longer than what will be stored. */
export const AHEAD = '~'

/** The record of a tag, as {@link TagSteps} deal with it. */
export interface StepRecord {
  /** The key of the record. What is under it is text. */
  readonly key: string
  /** The tag a value is put under. Absent: the record is only looked at. */
  readonly tag?: string
  /** What it has to hold, apart from {@link AHEAD}. @default whatever it does */
  readonly before?: string | undefined
}

/** The records of a write. */
export interface StepRecords {
  readonly records: readonly StepRecord[]
  /** What those hold that have to be made. */
  readonly fresh: string
}

/** What {@link TagSteps.lease} answers: what came between, or a lease and what the records hold, in their order. */
export type TaggedLease = { readonly value: unknown } | { readonly lease: string; readonly stamps: readonly string[] }

/** Some tags, with whatever a store needs to know to read and write under them. */
export interface KnownTags {
  readonly tags: readonly string[]
}

/** Waits for a value and the records of its tags. It is told once, by one of these. */
export interface TagAsker {
  /** The value without its tags, which are those asked for, in their order, with the stamps that the records hold. */
  fresh(value: unknown): void
  /** Otherwise what `getMany` answers of the key and of the records. */
  found(held: unknown[]): void
  failed(error: unknown): void
}

/**
 * What a store does in one step with values and the records of their tags, where it keeps both and can see them at once. A
 * member answers `undefined` when it cannot for these keys: then it is done in several.
 *
 * A write puts values beside what the records hold. It makes those that are absent or {@link AHEAD}, and lets those that
 * would end before the values live for `recordLifetime`.
 */
export interface TagSteps {
  /** Makes ready what the other members are told of tags. It is remembered with the keys that have them. */
  know(tags: readonly string[]): KnownTags

  /** Reads a value together with the records of tags that it is thought to have. Absent where values are near at hand. */
  readFor?(key: string, known: KnownTags, asker: TagAsker): void

  /**
   * Takes a lease and reads the records. Those that are absent it makes, and lets all live for a load at least.
   *
   * @param orValue Whether a value that is there will do.
   */
  lease(key: string, records: StepRecords, orValue: boolean): Awaitable<TaggedLease> | undefined

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
    records: StepRecords,
    recordLifetime: Milliseconds,
  ): Awaitable<boolean> | undefined
}
