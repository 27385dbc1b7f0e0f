import { isOvertaken, type Lease, sizeOf } from '@cashews/core'

/** What a recording may hold before it is given up. */
export interface RecordingLimits {
  readonly maxItems: number
  readonly maxBytes: number
}

/**
 * One run of a source, read by several. Every reader sees every item from the start. The source is asked for an item
 * when the first reader wants it, so a recording is never ahead of its fastest reader.
 */
export class Recording {
  /** Resolves to all items, or to `undefined` when there are too many or the readers left before the end. */
  readonly whole: Promise<readonly unknown[] | undefined>
  /** Once broken, nobody joins. */
  lease: Lease | undefined
  readonly #source: AsyncIterator<unknown>
  readonly #limits: RecordingLimits
  readonly #items: unknown[] = []
  #pulling: Promise<boolean> | undefined
  #ended = false
  #bytes = 0
  #readers = 0
  #finish!: (items: readonly unknown[] | undefined) => void

  constructor(source: AsyncIterator<unknown>, limits: RecordingLimits) {
    this.#source = source
    this.#limits = limits
    this.whole = new Promise((resolve) => {
      this.#finish = resolve
    })
  }

  /** Whether a reader that comes now would see every item. */
  get isOpen(): boolean {
    return !(this.lease && isOvertaken(this.lease)) && !this.#isTooLarge
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
    return this.#items.length > this.#limits.maxItems || this.#bytes > this.#limits.maxBytes
  }

  /** Gets the item at a position, and answers whether there is one. Readers at the same position ask once. */
  async #pull(at: number): Promise<boolean> {
    while (at >= this.#items.length && !this.#ended) {
      this.#pulling ??= this.#next()
      if (!(await this.#pulling)) return false
    }
    return at < this.#items.length
  }

  async #next(): Promise<boolean> {
    try {
      const { done, value } = await this.#source.next()
      if (done) return this.#end(this.#isTooLarge ? undefined : this.#items)
      this.#items.push(value)
      this.#bytes += sizeOf(value)
      return true
    } catch (error) {
      this.#end(undefined)
      throw error
    } finally {
      this.#pulling = undefined
    }
  }

  async #abandon(): Promise<void> {
    this.#end(undefined)
    await this.#source.return?.()
  }

  #end(items: readonly unknown[] | undefined): false {
    this.#ended = true
    this.#finish(items)
    return false
  }
}
