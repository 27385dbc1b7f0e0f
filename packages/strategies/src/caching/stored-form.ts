import { MISS, type Milliseconds } from '@cashews/core'

/** How a strategy converts results to stored values and back. */
export interface StoredForm {
  /** @param args The arguments of the call. @param took How long it ran in milliseconds, when {@link isTimed}. */
  pack(result: unknown, lifetime: Milliseconds, args: readonly unknown[], took: Milliseconds): unknown
  unpack(stored: unknown): unknown
  /** Whether there is a stored result that the strategy would return rather than load again. */
  isFresh(stored: unknown): boolean
  /** Whether it matters how long the function took. */
  readonly isTimed?: boolean
}

/** Stores results as they are. */
export const asItIs: StoredForm = {
  pack: (result) => result,
  unpack: (stored) => stored,
  isFresh: (stored) => stored !== MISS,
}
