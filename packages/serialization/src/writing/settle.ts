import { settleWhole, type Vocabulary, type Work } from './settler.ts'
import { snapshot } from './snapshot.ts'

/**
 * Converts a value to what a codec can write: plain data, and {@link Tagged} parts for everything else. A value that is
 * plain already is returned without a copy: the caller must write it at once. If an encoder of a custom type is
 * asynchronous, it returns an {@link Unsettled} copy.
 *
 * @throws {Refusal} When a part cannot be stored.
 */
export function settle(value: unknown, vocabulary: Vocabulary): unknown {
  const work: Work = { vocabulary, above: [], pending: undefined }
  const settled = settleWhole(value, work)
  return work.pending === undefined ? settled : new Unsettled(snapshot(settled), work.pending)
}

/** A settled copy that still waits for encoders of custom types. */
export class Unsettled {
  readonly #kept: unknown
  readonly #pending: readonly Promise<unknown>[]

  constructor(kept: unknown, pending: readonly Promise<unknown>[]) {
    this.#kept = kept
    this.#pending = pending
  }

  /** Waits for all encoders, also for those that are added meanwhile. */
  async settled(): Promise<unknown> {
    for (let at = 0; at < this.#pending.length; at++) await this.#pending[at]
    return this.#kept
  }
}
