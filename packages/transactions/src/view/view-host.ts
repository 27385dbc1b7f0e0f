import type { Awaitable, Clock } from '@cashews/core'
import type { View } from './view.ts'

/** What a view needs of its transaction. */
export interface ViewHost {
  readonly clock: Clock
  /** Whether reads are repeatable: what was read stays locked, or is checked, until the end. */
  readonly remembers: boolean
  /** Whether the commit checks everything that was read. */
  readonly checksReads: boolean
  /** Whether a failed read is an error rather than a miss: locked keys are not checked again at the commit. */
  readonly readsMatter: boolean
  readonly allowsRanges: boolean
  readonly allowsSlots: boolean
  /**
   * Makes sure that the transaction has not ended, and locks the keys if that is its mode.
   *
   * @param inspects Whether the keys are read next.
   */
  claim(view: View, keys: readonly string[], inspects?: boolean): Awaitable<void>
  /** @throws When the transaction is over or doomed. */
  check(): void
}
