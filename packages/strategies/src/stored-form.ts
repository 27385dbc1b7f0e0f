import { MISS, type Milliseconds } from '@cashews/core'

/** How a strategy keeps a result in the store, and reads it back. */
export interface StoredForm {
  /** @param args Of the call that had this result. @param took How long it ran, when {@link isTimed}. */
  pack(result: unknown, lifetime: Milliseconds, args: readonly unknown[], took: Milliseconds): unknown
  unpack(stored: unknown): unknown
  /** Whether something is stored, and the strategy would answer with it rather than load anew. */
  isFresh(stored: unknown): boolean
  /** Whether it matters how long the function took. */
  readonly isTimed?: boolean
}

/** Results are kept as they are. */
export const asItIs: StoredForm = {
  pack: (result) => result,
  unpack: (stored) => stored,
  isFresh: (stored) => stored !== MISS,
}
