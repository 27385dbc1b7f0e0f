import { settleWhole, type Vocabulary, type Work } from './settler.ts'
import { snapshot } from './snapshot.ts'

/**
 * Makes of a value what a codec can write: plain data, and {@link Tagged} where plain data has no word. What is plain
 * already is answered as it is, without a copy: whoever asks must write it at once. An {@link Unsettled} copy where an
 * encoder takes its time.
 *
 * @throws {Refusal} When a part cannot be kept.
 */
export function settle(value: unknown, vocabulary: Vocabulary): unknown {
  const work: Work = { vocabulary, above: [], pending: undefined }
  const settled = settleWhole(value, work)
  return work.pending === undefined ? settled : new Unsettled(snapshot(settled), work.pending)
}

/** What {@link settle} answers while encoders of custom types are at work. */
export class Unsettled {
  readonly #kept: unknown
  readonly #pending: readonly Promise<unknown>[]

  constructor(kept: unknown, pending: readonly Promise<unknown>[]) {
    this.#kept = kept
    this.#pending = pending
  }

  /** Waits until all is there. Encoders may wait for others in their turn. */
  async settled(): Promise<unknown> {
    for (let at = 0; at < this.#pending.length; at++) await this.#pending[at]
    return this.#kept
  }
}
