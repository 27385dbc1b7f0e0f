import type { Awaitable, Clock } from '@cashews/core'
import type { View } from './view.ts'

/** What a view asks of its transaction. */
export interface ViewHost {
  readonly clock: Clock
  /** Whether what was read stays as it was read: until the end it is locked, or checked. */
  readonly remembers: boolean
  /** Whether the commit checks all that was read. */
  readonly checksReads: boolean
  /** Whether a read that fails ends the transaction: nothing checks at the commit what was locked. */
  readonly readsMatter: boolean
  readonly allowsRanges: boolean
  readonly allowsSlots: boolean
  /**
   * Makes sure that the transaction goes on, and locks the keys if that is its mode.
   *
   * @param inspects Whether it is asked next what they hold.
   */
  claim(view: View, keys: readonly string[], inspects?: boolean): Awaitable<void>
  /** @throws When the transaction is over or doomed. */
  check(): void
}
