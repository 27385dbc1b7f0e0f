import { copyData, type Flight, isOvertaken, sizeOf } from '@cashews/core'

/** A sequence that has ended, and the error it ended in if it did. */
export interface Ended {
  /** All of them; absent when they are too large, or the readers left before the end. */
  readonly items: readonly unknown[] | undefined
  readonly failure: { readonly error: unknown } | undefined
}

/**
 * One run of a source, read by several. Every reader sees every item from the start. The source is asked for an item
 * when the first reader wants it, so a recording is never ahead of its fastest reader.
 */
export class Recording {
  readonly ended: Promise<Ended>
  /** Once broken, nobody joins. */
  flight: Flight | undefined
  readonly #source: AsyncIterator<unknown>
  readonly #maxItems: number
  readonly #maxBytes: number
  /** By their places. */
  readonly #items = new Map<number, unknown>()
  #count = 0
  #pulling: Promise<void> | undefined
  #hasEnded = false
  #failure: Ended['failure']
  #bytes = 0
  #readers = 0
  #finish!: (ended: Ended) => void

  /** @param maxItems With more it is given up, as with more than `maxBytes`. */
  constructor(source: AsyncIterator<unknown>, maxItems: number, maxBytes: number) {
    this.#source = source
    this.#maxItems = maxItems
    this.#maxBytes = maxBytes
    this.ended = new Promise((resolve) => {
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
      for (let at = 0; this.#items.has(at) || (await this.#pull(at)); at++) yield this.#apart(this.#items.get(at))
    } finally {
      if (--this.#readers === 0 && !this.#hasEnded) await this.#abandon()
    }
  }

  get #isTooLarge(): boolean {
    return this.#count > this.#maxItems || this.#bytes > this.#maxBytes
  }

  /** Gets the item at a position, and answers whether there is one. Readers at the same position ask once. */
  async #pull(at: number): Promise<boolean> {
    // Nobody joins what is too large: the last reader needs nothing of what he has read.
    if (this.#isTooLarge && this.#readers === 1) this.#items.clear()
    while (!this.#items.has(at) && !this.#hasEnded) {
      this.#pulling ??= this.#next()
      await this.#pulling
    }
    const isThere = this.#items.has(at)
    if (!isThere && this.#failure) throw this.#failure.error
    return isThere
  }

  async #next(): Promise<void> {
    try {
      const { done, value } = await this.#source.next()
      if (done) return this.#end()
      this.#bytes += sizeOf(value)
      this.#items.set(this.#count++, this.#apart(value))
    } catch (error) {
      this.#failure = { error }
      this.#end()
    } finally {
      this.#pulling = undefined
    }
  }

  /**
   * A copy, so that neither the source nor a reader changes what is stored by what they do to an item. What is no data stays
   * itself: a store may know how to keep it.
   */
  #apart(item: unknown): unknown {
    try {
      return this.#isTooLarge ? item : copyData(item)
    } catch {
      return item
    }
  }

  async #abandon(): Promise<void> {
    // What is not whole is like what is too large: nobody joins it, and it is not stored.
    this.#bytes = Number.POSITIVE_INFINITY
    this.#end()
    await this.#source.return?.()
  }

  #end(): void {
    this.#hasEnded = true
    const items = this.#isTooLarge ? undefined : [...this.#items.values()]
    this.#finish({ items, failure: this.#failure })
  }
}
