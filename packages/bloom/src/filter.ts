import type { Awaitable } from '@cashews/core'

/** How full a filter is. */
export interface Estimate {
  /** Whether the filter exists and is complete: only then does it deny anything. */
  readonly isWhole: boolean
  /** The share of its bits that are set, 0 to 1. */
  readonly filled: number
  /** The estimated number of distinct elements. */
  readonly elements: number
  /** The current rate of false positives, in percent. */
  readonly falsePositives: number
}

/** A set of strings with false positives, but no false negatives. */
export interface Filter {
  /** Returns whether an element may be in the set; `undefined` when the filter does not exist or is not complete. */
  has(element: string): Awaitable<boolean | undefined>
  /** Resolves to false when the store did not take it. */
  add(element: string): Promise<boolean>
  /** The same for several elements, inside a load. */
  addMany(elements: readonly string[]): Promise<boolean>
  /**
   * Runs a load that adds all elements of the filter, which is complete once that has succeeded.
   *
   * @param from How many elements an earlier load has already added.
   * @throws {FilterLostError} When elements that were loaded before are gone from the store.
   */
  fill(from: number, load: () => Promise<void>): Promise<void>
  estimate(): Promise<Estimate>
  /** Removes all elements. The next one starts a new filter. */
  clear(): Promise<void>
}
