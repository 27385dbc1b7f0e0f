import { type BitReader, CommandError, type Content } from '@cashews/core'
import { Cell } from './held.ts'

/** As many bits as Redis has room for under one key: 512 MB. */
const MOST_BITS = 2 ** 32
/** A number is exact up to here. */
const MOST_BITS_OF_FIELD = 53

/** Fields of `size` bits, the highest bit first. Bytes that are not there are 0. */
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
   * The fields, in the order asked.
   *
   * @throws {CommandError} When one cannot be.
   */
  fields(indexes: readonly number[], size: number): number[] {
    if (size === 1) return indexes.map((index) => this.bit(index))
    checkFields(indexes, size)
    return indexes.map((index) => this.#field(index, size))
  }

  bit(index: number): number {
    if (index >>> 0 !== index) checkFields([index], 1)
    return ((this.#bytes[index >>> 3] as number) >> (7 - (index & 7))) & 1
  }

  /**
   * Adds to each field, which is then no less than 0 and no more than it can hold, and answers them.
   *
   * @throws {CommandError} When one cannot be: then nothing is added.
   */
  add(indexes: readonly number[], size: number, by: number): number[] {
    checkFields(indexes, size)
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

function checkFields(indexes: readonly number[], size: number): void {
  if (!Number.isInteger(size) || size < 1 || size > MOST_BITS_OF_FIELD)
    throw new CommandError(`A field of ${size} bits: it must have 1 to ${MOST_BITS_OF_FIELD}.`)
  for (const index of indexes)
    if (!Number.isInteger(index) || index < 0 || (index + 1) * size > MOST_BITS)
      throw new CommandError(`Field ${index} of ${size} bits is none of the ${MOST_BITS} bits that a key has room for.`)
}
