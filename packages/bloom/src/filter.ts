import type { Awaitable } from '@cashews/core'

/** How full a filter is. */
export interface Estimate {
  /** Whether the filter is there, whole: only then does it deny anything. */
  readonly isWhole: boolean
  /** The share of its bits that are set, 0 to 1. */
  readonly filled: number
  /** About how many different elements it holds. */
  readonly elements: number
  /** How many of the elements that are not in it it takes for members, in percent. */
  readonly falsePositives: number
}

/** A set of text that may take what it does not hold for a member, and never the other way round. */
export interface Filter {
  /** Answers whether an element may be in; `undefined` when the filter is not there, or not whole. */
  has(element: string): Awaitable<boolean | undefined>
  /** Answers false when the store did not take it. */
  add(element: string): Promise<boolean>
  /** The same for several, inside a load. */
  addMany(elements: readonly string[]): Promise<boolean>
  /** @param from How many elements are in already. */
  beginLoading(from: number): Promise<void>
  endLoading(): Promise<void>
  estimate(): Promise<Estimate>
  /** Forgets everything: what is added then begins a new filter. */
  clear(): Promise<void>
}
