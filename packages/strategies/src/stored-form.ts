import type { Milliseconds } from '@cashews/core'

/** How a strategy keeps a result in the store, and reads it back. */
export interface StoredForm {
  /** @param args Of the call that had this result. */
  pack(result: unknown, lifetime: Milliseconds, args: readonly unknown[]): unknown
  unpack(stored: unknown): unknown
  /** Whether the strategy would answer with it, rather than load anew. */
  isFresh(stored: unknown): boolean
}

/** Results are kept as they are. */
export const asItIs: StoredForm = {
  pack: (result) => result,
  unpack: (stored) => stored,
  isFresh: () => true,
}
