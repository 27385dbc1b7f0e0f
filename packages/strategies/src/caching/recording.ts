import { copyData, type Flight, isOvertaken, sizeOf } from '@cashews/core'

/**
 * One run of a source with several readers, each of which sees every item from the start. Items are pulled on demand,
 * so that a recording is never ahead of its fastest reader.
 */
export class Recording {
  /** Comes to all items; to nothing when they are too large, or the readers left before the end. */
  readonly ended: Promise<readonly unknown[] | undefined>
  /** The error it ended in. */
  failure: { readonly error: unknown } | undefined
  /** Once it is broken, no reader may join. */
  flight: Flight | undefined
  readonly #source: AsyncIterator<unknown>
  readonly #maxItems: number
  readonly #maxBytes: number
  /** By their places. */
  readonly #items = new Map<number, unknown>()
  #count = 0
  #pulling: Promise<void> | undefined
  #hasEnded = false
  #bytes = 0
  #readers = 0
  #end!: (items: readonly unknown[] | undefined) => void

  /** @param maxItems Beyond this, or beyond `maxBytes`, the recording is given up. */
  constructor(source: AsyncIterator<unknown>, maxItems: number, maxBytes: number) {
    this.#source = source
    this.#maxItems = maxItems
    this.#maxBytes = maxBytes
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Whether a reader that joins now would see every item. */
  get isOpen(): boolean {
    return !(this.flight && isOvertaken(this.flight.lease)) && !this.#isTooLarge
  }

  async *read(): AsyncGenerator<unknown> {
    this.#readers++
    try {
      for (let at = 0; await this.#pull(at); at++) yield this.#apart(this.#items.get(at))
      if (this.failure) throw this.failure.error
    } finally {
      if (--this.#readers === 0 && !this.#hasEnded) await this.#abandon()
    }
  }

  get #isTooLarge(): boolean {
    return this.#count > this.#maxItems || this.#bytes > this.#maxBytes
  }

  /** Pulls the item at a position, and returns whether there is one. Readers at the same position pull once. */
  async #pull(at: number): Promise<boolean> {
    // A recording that is too large gets no new readers, so that items which all have read can be dropped.
    if (this.#isTooLarge && this.#readers === 1) this.#items.clear()
    while (!this.#items.has(at) && !this.#hasEnded) {
      this.#pulling ??= this.#next()
      await this.#pulling
    }
    return this.#items.has(at)
  }

  async #next(): Promise<void> {
    try {
      const { done, value } = await this.#source.next()
      if (done) return this.#finish()
      this.#bytes += sizeOf(value)
      this.#items.set(this.#count++, this.#apart(value))
    } catch (error) {
      this.failure = { error }
      this.#finish()
    } finally {
      this.#pulling = undefined
    }
  }

  /**
   * Copies an item, so that neither the source nor a reader can change what is stored. What cannot be copied is kept as
   * it is: the store may know how to store it.
   */
  #apart(item: unknown): unknown {
    try {
      return this.#isTooLarge ? item : copyData(item)
    } catch {
      return item
    }
  }

  async #abandon(): Promise<void> {
    // An incomplete recording, like one that is too large, is not joined and not stored.
    this.#bytes = Number.POSITIVE_INFINITY
    this.#finish()
    await this.#source.return?.()
  }

  #finish(): void {
    this.#hasEnded = true
    this.#end(this.#isTooLarge ? undefined : [...this.#items.values()])
  }
}
