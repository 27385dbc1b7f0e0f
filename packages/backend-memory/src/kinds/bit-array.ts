import { type BitReader, type Content, checkBitFields } from '@cashews/core'
import { Cell } from '../values/held.ts'

/** An array of bit fields, the highest bit first. Bytes beyond its end count as 0. */
export class BitArray extends Cell implements BitReader {
  readonly isEmpty = false
  #bytes: Uint8Array

  constructor(bytes: ArrayLike<number> = { length: 8 }) {
    super()
    this.#bytes = Uint8Array.from(bytes)
  }

  get bytes(): number {
    return this.#bytes.length
  }

  get content(): Content {
    return { kind: 'bits', items: [...this.#bytes] }
  }

  /**
   * The fields, in the order of the indexes.
   *
   * @throws {CommandError} When an index or the size is out of range.
   */
  fields(indexes: readonly number[], size: number): number[] {
    if (size === 1) return indexes.map((index) => this.bit(index))
    checkBitFields(indexes, size)
    return indexes.map((index) => this.#field(index, size))
  }

  bit(index: number): number {
    if (index >>> 0 !== index) checkBitFields([index], 1)
    return ((this.#bytes[index >>> 3] as number) >> (7 - (index & 7))) & 1
  }

  /**
   * Adds to each field, clamped to what it can hold, and returns the new values.
   *
   * @throws {CommandError} When an index or the size is out of range. Nothing is added then.
   */
  add(indexes: readonly number[], size: number, by: number): number[] {
    checkBitFields(indexes, size)
    return indexes.map((index) => {
      const sum = Math.min(Math.max(this.#field(index, size) + by, 0), 2 ** size - 1)
      this.#write(index, size, sum)
      return sum
    })
  }

  #field(index: number, size: number): number {
    let field = 0
    for (let bit = index * size; bit < (index + 1) * size; bit++) field = field * 2 + this.bit(bit)
    return field
  }

  #write(index: number, size: number, field: number): void {
    const end = (index + 1) * size
    this.#grow(end)
    for (let bit = end - 1, rest = field; bit >= index * size; bit--, rest = Math.floor(rest / 2)) {
      const mask = 128 >> (bit & 7)
      const byte = this.#bytes[bit >>> 3] as number
      this.#bytes[bit >>> 3] = rest % 2 ? byte | mask : byte & ~mask
    }
  }

  #grow(bits: number): void {
    if (bits <= this.#bytes.length * 8) return
    const grown = new Uint8Array(Math.max(Math.ceil(bits / 8), this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
