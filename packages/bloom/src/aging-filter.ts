import type { Cache, Milliseconds } from '@cashews/core'
import { BloomFilter } from './bloom-filter.ts'
import type { Estimate, Filter } from './filter.ts'
import type { Sizing } from './sizing.ts'

/**
 * A filter whose elements expire one by one: a filter per slice of time, of which old ones expire. Reads look at those
 * of the last `ttl`, and at the next one, which a host whose clock is ahead may have begun.
 */
export class AgingFilter implements Filter {
  readonly #make: (slice: number) => BloomFilter
  readonly #length: Milliseconds
  readonly #count: number
  /** A ring with room for the slices that are read: a new slice replaces the oldest. */
  readonly #slices: { readonly number: number; readonly filter: BloomFilter }[] = []

  /** @param sizing The sizing of each slice. */
  constructor(cache: Cache, name: string, sizing: Sizing, ttl: Milliseconds, count: number) {
    this.#length = Math.ceil(ttl / count)
    this.#count = count
    const lifetime = this.#length * (count + 2)
    this.#make = (slice) => new BloomFilter(cache, `${name}:${this.#length}:${slice}`, sizing, lifetime)
  }

  async has(element: string): Promise<boolean | undefined> {
    await this.#current.begin()
    const answers = await Promise.all(this.#recent.map(async (slice) => slice.has(element)))
    if (answers.includes(true) || (await this.#next.has(element)) === true) return true
    return answers.includes(undefined) ? undefined : false
  }

  add(element: string): Promise<boolean> {
    return this.#current.add(element)
  }

  async addMany(elements: readonly string[]): Promise<boolean> {
    const current = this.#current
    return (await current.prepare()) && current.addMany(elements)
  }

  /** Loaded elements are as old as the load, so that there is no completeness to wait for. */
  fill(_from: number, load: () => Promise<void>): Promise<void> {
    return load()
  }

  async estimate(): Promise<Estimate> {
    const estimates = await Promise.all(this.#recent.map((slice) => slice.estimate()))
    const denied = estimates.reduce((share, { falsePositives }) => share * (1 - falsePositives / 100), 1)
    return {
      isWhole: estimates.every(({ isWhole }) => isWhole),
      filled: estimates.reduce((sum, { filled }) => sum + filled, 0) / estimates.length,
      elements: estimates.reduce((sum, { elements }) => sum + elements, 0),
      falsePositives: (1 - denied) * 100,
    }
  }

  async clear(): Promise<void> {
    await Promise.all([...this.#recent, this.#next].map((slice) => slice.clear()))
  }

  get #now(): number {
    return Math.floor(Date.now() / this.#length)
  }

  get #current(): BloomFilter {
    return this.#slice(this.#now)
  }

  get #next(): BloomFilter {
    return this.#slice(this.#now + 1)
  }

  /** The slices of elements added within the last `ttl`. */
  get #recent(): readonly BloomFilter[] {
    const now = this.#now
    return Array.from({ length: this.#count + 1 }, (_, age) => this.#slice(now - age))
  }

  #slice(number: number): BloomFilter {
    const place = number % (this.#count + 2)
    const found = this.#slices[place]
    if (found?.number === number) return found.filter
    const filter = this.#make(number)
    this.#slices[place] = { number, filter }
    return filter
  }
}
