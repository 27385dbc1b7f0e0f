import { type Flight, isOvertaken, sizeOf } from '@cashews/core'

/** A sequence that has ended, and the error it ended in if it did. */
export interface Ended {
  readonly items: readonly unknown[]
  readonly failure: { readonly error: unknown } | undefined
}

/**
 * One run of a source, read by several. Every reader sees every item from the start. The source is asked for an item
 * when the first reader wants it, so a recording is never ahead of its fastest reader.
 */
export class Recording {
  /** Resolves to the whole sequence, or to `undefined` when it is too large or the readers left before its end. */
  readonly whole: Promise<Ended | undefined>
  /** Once broken, nobody joins. */
  flight: Flight | undefined
  readonly #source: AsyncIterator<unknown>
  readonly #maxItems: number
  readonly #maxBytes: number
  readonly #items: unknown[] = []
  #pulling: Promise<void> | undefined
  #ended = false
  #failure: Ended['failure']
  #bytes = 0
  #readers = 0
  #finish!: (ended: Ended | undefined) => void

  /** @param maxItems With more it is given up, as with more than `maxBytes`. */
  constructor(source: AsyncIterator<unknown>, maxItems: number, maxBytes: number) {
    this.#source = source
    this.#maxItems = maxItems
    this.#maxBytes = maxBytes
    this.whole = new Promise((resolve) => {
      this.#finish = resolve
    })
  }

  /** Whether a reader that comes now would see every item. */
  get isOpen(): boolean {
    return !(this.flight && isOvertaken(this.flight.lease)) && !this.#isTooLarge
  }

  async *read(): AsyncGenerator<unknown> {
    this.#readers++
    try {
      for (let at = 0; at < this.#items.length || (await this.#pull(at)); at++) yield this.#items[at]
    } finally {
      if (--this.#readers === 0 && !this.#ended) await this.#abandon()
    }
  }

  get #isTooLarge(): boolean {
    return this.#items.length > this.#maxItems || this.#bytes > this.#maxBytes
  }

  /** Gets the item at a position, and answers whether there is one. Readers at the same position ask once. */
  async #pull(at: number): Promise<boolean> {
    while (at >= this.#items.length && !this.#ended) {
      this.#pulling ??= this.#next()
      await this.#pulling
    }
    const isThere = at < this.#items.length
    if (!isThere && this.#failure) throw this.#failure.error
    return isThere
  }

  async #next(): Promise<void> {
    try {
      const { done, value } = await this.#source.next()
      if (done) return this.#end()
      this.#items.push(value)
      this.#bytes += sizeOf(value)
    } catch (error) {
      this.#failure = { error }
      this.#end()
    } finally {
      this.#pulling = undefined
    }
  }

  async #abandon(): Promise<void> {
    this.#ended = true
    this.#finish(undefined)
    await this.#source.return?.()
  }

  #end(): void {
    this.#ended = true
    this.#finish(this.#isTooLarge ? undefined : { items: this.#items, failure: this.#failure })
  }
}
