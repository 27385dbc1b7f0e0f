import { type BitReader, CommandError, type Content } from '@cashews/core'
import { Cell } from './held.ts'

/** As many bits as Redis has room for under one key: 512 MB. */
const MOST_BITS = 2 ** 32
/** A number is exact up to here. */
const MOST_BITS_OF_FIELD = 53

/** Fields of `size` bits, the highest bit first. Bytes that are not there are 0. */
export class BitArray extends Cell implements BitReader {
  static readonly noun: string = 'bits'
  #bytes = new Uint8Array(8)

  /** @throws {CommandError} When a field cannot be. */
  static check(indexes: readonly number[], size: number): void {
    if (!Number.isInteger(size) || size < 1 || size > MOST_BITS_OF_FIELD)
      throw new CommandError(`A field of ${size} bits: it must have 1 to ${MOST_BITS_OF_FIELD}.`)
    for (const index of indexes)
      if (!Number.isInteger(index) || index < 0 || (index + 1) * size > MOST_BITS)
        throw new CommandError(
          `Field ${index} of ${size} bits is none of the ${MOST_BITS} bits that a key has room for.`,
        )
  }

  static of(bytes: readonly number[]): BitArray {
    const bits = new BitArray()
    bits.#bytes = Uint8Array.from(bytes)
    return bits
  }

  get bytes(): number {
    return this.#bytes.length
  }

  get content(): Content {
    return { kind: 'bits', items: [...this.#bytes] }
  }

  /**
   * The fields, in the order asked.
   *
   * @throws {CommandError} When one cannot be.
   */
  fields(indexes: readonly number[], size: number): number[] {
    if (size === 1) return indexes.map((index) => this.bit(index))
    BitArray.check(indexes, size)
    return indexes.map((index) => this.field(index, size))
  }

  /** What {@link field} answers for one bit, in less time. */
  bit(index: number): number {
    if (index >>> 0 !== index) BitArray.check([index], 1)
    return ((this.#bytes[index >>> 3] as number) >> (7 - (index & 7))) & 1
  }

  field(index: number, size: number): number {
    let field = 0
    for (let at = index * size, left = size; left > 0; ) {
      const offset = at % 8
      const width = Math.min(8 - offset, left)
      const byte = this.#bytes[(at - offset) / 8] ?? 0
      field = field * 2 ** width + ((byte >> (8 - offset - width)) & ((1 << width) - 1))
      at += width
      left -= width
    }
    return field
  }

  /** Answers what is in the field then: no less than 0, no more than it can hold. */
  add(index: number, size: number, by: number): number {
    const sum = Math.min(Math.max(this.field(index, size) + by, 0), 2 ** size - 1)
    this.#grow((index + 1) * size)
    for (let at = index * size, left = size; left > 0; ) {
      const offset = at % 8
      const width = Math.min(8 - offset, left)
      const byte = (at - offset) / 8
      const shift = 8 - offset - width
      const part = Math.floor(sum / 2 ** (left - width)) % 2 ** width
      this.#bytes[byte] = ((this.#bytes[byte] as number) & ~(((1 << width) - 1) << shift)) | (part << shift)
      at += width
      left -= width
    }
    return sum
  }

  #grow(bits: number): void {
    if (bits <= this.#bytes.length * 8) return
    const grown = new Uint8Array(Math.max(Math.ceil(bits / 8), this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
