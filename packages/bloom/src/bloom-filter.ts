import {
  type Awaitable,
  type BitReader,
  type Cache,
  chain,
  currentTransaction,
  MISS,
  type Milliseconds,
} from '@cashews/core'
import { FilterLostError } from './errors.ts'
import { sampled } from './estimate.ts'
import type { Estimate, Filter } from './filter.ts'
import { type Hash, hashText } from './murmur.ts'
import { countSet, hasAll, partOf, placesOf } from './places.ts'
import type { Sizing } from './sizing.ts'

/** How many bits follow those of the elements: whether the filter is complete, and whether it was begun. */
const MARKS = 2

/**
 * A Bloom filter (Bloom, 1970) in the bits of a store.
 *
 * If a filter was lost, it would deny what it held. So it knows whether it is complete: two mark bits behind those of
 * the elements are set once, when it is begun, and never by adding elements. If they are missing, the filter answers
 * that it cannot tell. A key beside it records that it was begun, so that no process takes a lost filter for a new one.
 */
export class BloomFilter implements Filter {
  readonly #cache: Cache
  readonly #name: string
  readonly #sizing: Sizing
  readonly #keys: readonly string[]
  readonly #lifetime: Milliseconds
  /** Until when this process knows that the filter was begun, in milliseconds since the epoch. */
  #begunUntil = 0
  #beginning: Promise<void> | undefined
  #isLoading = false
  #toldLost = false

  /** @param name The name in the store, which includes everything that decides where the bits are. */
  constructor(cache: Cache, name: string, sizing: Sizing, lifetime: Milliseconds) {
    this.#cache = cache
    this.#name = name
    this.#sizing = sizing
    this.#lifetime = lifetime
    this.#keys = sizing.parts === 1 ? [name] : Array.from({ length: sizing.parts }, (_, part) => `${name}:${part}`)
  }

  has(element: string): Awaitable<boolean | undefined> {
    const hash = hashText(element)
    const key = this.#keyOf(hash)
    const reader = this.#cache.engine.bitsNow(key)
    return reader === undefined ? chain(this.#read(key, hash), this.#judge) : this.#judgeNow(reader, hash)
  }

  /** Counts how many bits of an element are set; 0 when the store is away or its bits are disabled. */
  count(element: string): Awaitable<number> {
    const hash = hashText(element)
    const key = this.#keyOf(hash)
    const reader = this.#cache.engine.bitsNow(key)
    if (reader !== undefined) return countSet(reader, hash, this.#sizing)
    const { hashes } = this.#sizing
    return chain(this.#read(key, hash), (bits) => bits.slice(0, hashes).filter(Boolean).length)
  }

  async add(element: string): Promise<boolean> {
    return (await this.prepare()) && this.#write([element])
  }

  /**
   * Begins the filter for elements that are to be added, also if another process has cleared it since. Resolves to whether they
   * may be added: in a filter that has expired, they would never expire.
   */
  async prepare(): Promise<boolean> {
    await this.begin()
    if (await this.#isBegun()) return true
    this.#begunUntil = 0
    await this.begin()
    return this.#lifetime === Number.POSITIVE_INFINITY || this.#isBegun()
  }

  /** Begins the filter if there never was one. */
  async begin(): Promise<void> {
    if (Date.now() < this.#begunUntil) return
    if (currentTransaction() !== undefined) return this.#begin()
    this.#beginning ??= this.#begin().finally(() => {
      this.#beginning = undefined
    })
    await this.#beginning
  }

  /** Until the load has succeeded, the filter denies nothing, unless it was complete before. */
  async fill(from: number, load: () => Promise<void>): Promise<void> {
    await this.#beginLoad(from)
    this.#isLoading = true
    try {
      await load()
    } finally {
      this.#isLoading = false
    }
    if (!(await this.#marks()).every(isBegun)) throw this.#lost('it was dropped while it was being loaded')
    await this.#mark([WHOLE], 1)
  }

  async #beginLoad(from: number): Promise<void> {
    const marks = await this.#marks()
    if (from > 0) {
      if (!marks.every(isBegun)) throw this.#lost(`what was loaded before element ${from} is gone`)
    } else if (!marks.every(isWhole)) {
      // An earlier load may have set the mark just as the filter was lost.
      await this.#mark([WHOLE], -1)
      await this.#mark([BEGUN], 1)
      await this.#limit()
      await this.#cache.engine.call<'set'>({ command: 'set', key: this.#record, value: true, lifetime: this.#lifetime })
    }
    this.#toldLost = false
    await this.#remember()
  }

  /** Adds several elements at once. Returns false when the store did not take them all. */
  async addMany(elements: readonly string[]): Promise<boolean> {
    return this.#write(elements)
  }

  estimate(): Promise<Estimate> {
    return sampled(this.#cache, this.#keys, this.#sizing)
  }

  async clear(): Promise<void> {
    await this.#cache.deleteMany([...this.#keys, this.#record])
    this.#begunUntil = 0
    this.#toldLost = false
  }

  get #record(): string {
    return `${this.#name}:begun`
  }

  #keyOf(hash: Hash): string {
    return this.#keys[partOf(hash, this.#sizing)] as string
  }

  /** Reads the bits of an element and the marks; empty when the store is away or its bits are disabled. */
  #read(key: string, hash: Hash): Awaitable<readonly number[]> {
    const indexes = placesOf(hash, this.#sizing, MARKS)
    return this.#cache.engine.call<'getBits'>({ command: 'getBits', key, indexes, size: 1 })
  }

  #judgeNow(reader: BitReader, hash: Hash): boolean | undefined {
    const { bits } = this.#sizing
    const begun = reader.bit(bits + BEGUN)
    return begun === 1 && reader.bit(bits + WHOLE) === 1 ? hasAll(reader, hash, this.#sizing) : this.#cannotTell(begun)
  }

  readonly #judge = (bits: readonly number[]): boolean | undefined => {
    const { hashes } = this.#sizing
    if (bits[hashes + WHOLE] !== 1 || bits[hashes + BEGUN] !== 1) return this.#cannotTell(bits[hashes + BEGUN])
    return !bits.includes(0)
  }

  /** @param begun The mark; absent when the store did not answer. */
  #cannotTell(begun: number | undefined): undefined {
    const wasThere = begun === 0 && Date.now() < this.#begunUntil
    if (!wasThere || this.#isLoading || this.#toldLost) return
    this.#toldLost = true
    this.#cache.engine.report(this.#lost('its bits are gone from the store'))
  }

  async #begin(): Promise<void> {
    const key = this.#record
    const isNew = await this.#cache.engine.call<'set'>({
      command: 'set',
      key,
      value: true,
      lifetime: this.#lifetime,
      exists: false,
    })
    if (isNew) {
      const marks = await this.#marks()
      if (marks.some((bits) => bits.length === 0)) await this.#cache.delete(key)
      else if (!marks.some(isBegun)) {
        await this.#mark([WHOLE, BEGUN], 1)
        await this.#limit()
        this.#toldLost = false
      }
    }
    await this.#remember()
  }

  /** Makes all parts expire together, and the record after them. */
  async #limit(): Promise<void> {
    if (this.#lifetime === Number.POSITIVE_INFINITY) return
    for (const key of [...this.#keys, this.#record])
      await this.#cache.engine.call<'expire'>({ command: 'expire', key, lifetime: this.#lifetime })
  }

  /** Does nothing in a transaction, which may yet be rolled back. */
  async #remember(): Promise<void> {
    if (currentTransaction() !== undefined) return
    const left = await this.#cache.engine.call<'getExpire'>({ command: 'getExpire', key: this.#record })
    this.#begunUntil = left === MISS ? 0 : Date.now() + (left as Milliseconds)
  }

  /** The marks of each part: whole, begun. */
  #marks(): Promise<readonly (readonly number[])[]> {
    const indexes = [WHOLE, BEGUN].map((mark) => this.#sizing.bits + mark)
    const read = async (key: string) =>
      this.#cache.engine.call<'getBits'>({ command: 'getBits', key, indexes, size: 1 })
    return Promise.all(this.#keys.map(read))
  }

  async #mark(marks: readonly number[], by: number): Promise<void> {
    const indexes = marks.map((mark) => this.#sizing.bits + mark)
    for (const key of this.#keys)
      await this.#cache.engine.call<'incrBits'>({ command: 'incrBits', key, indexes, size: 1, by })
  }

  async #isBegun(): Promise<boolean> {
    return (await this.#marks()).every(isBegun)
  }

  async #write(elements: readonly string[]): Promise<boolean> {
    const byPart = new Map<number, number[]>()
    for (const element of elements) {
      const hash = hashText(element)
      const part = partOf(hash, this.#sizing)
      const places = placesOf(hash, this.#sizing, 0)
      const before = byPart.get(part)
      if (before) before.push(...places)
      else byPart.set(part, places)
    }
    const write = async ([part, indexes]: readonly [number, readonly number[]]) => {
      const key = this.#keys[part] as string
      const bits = await this.#cache.engine.call<'incrBits'>({ command: 'incrBits', key, indexes, size: 1, by: 1 })
      return bits.length > 0
    }
    return (await Promise.all([...byPart].map(write))).every(Boolean)
  }

  #lost(why: string): FilterLostError {
    return new FilterLostError(this.#name, why)
  }
}

const WHOLE = 0
const BEGUN = 1

function isWhole(marks: readonly number[]): boolean {
  return marks[WHOLE] === 1 && marks[BEGUN] === 1
}

function isBegun(marks: readonly number[]): boolean {
  return marks[BEGUN] === 1
}
