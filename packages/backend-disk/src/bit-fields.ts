import { CommandError } from '@cashews/core'

/** As many bits as Redis has room for under one key: 512 MB. */
const MOST_BITS = 2 ** 32
/** A number is exact up to here. */
const MOST_BITS_OF_FIELD = 53
/** Bits that are written together often stand together: a part is small, so that little of them is written anew. */
const PART_BYTES = 1_024

/** Where the parts of the bits come from, and where they go. */
export interface BitParts {
  read(part: number): Buffer | undefined
  write(part: number, bytes: Buffer): void
}

/** Fields of `size` bits, the lowest bit first, in parts that are read when they are first needed. */
export class BitFields {
  readonly #source: BitParts
  readonly #parts = new Map<number, Buffer>()
  readonly #changed = new Set<number>()

  constructor(source: BitParts) {
    this.#source = source
  }

  /** @throws {CommandError} When a field cannot be. */
  static check(indexes: readonly number[], size: number): void {
    if (!Number.isInteger(size) || size < 1 || size > MOST_BITS_OF_FIELD)
      throw new CommandError(`A field of ${size} bits: it must have 1 to ${MOST_BITS_OF_FIELD}.`)
    const wrong = indexes.find((index) => !Number.isInteger(index) || index < 0 || (index + 1) * size > MOST_BITS)
    if (wrong !== undefined)
      throw new CommandError(`Field ${wrong} of ${size} bits is none of the ${MOST_BITS} bits that a key has room for.`)
  }

  field(index: number, size: number): number {
    let field = 0
    for (let at = index * size, read = 0; read < size; ) {
      const offset = at % 8
      const width = Math.min(8 - offset, size - read)
      field += ((this.#byte((at - offset) / 8) >> offset) & ((1 << width) - 1)) * 2 ** read
      at += width
      read += width
    }
    return field
  }

  /** Answers what is in the field then: no less than 0, no more than it can hold. */
  add(index: number, size: number, by: number): number {
    const sum = Math.min(Math.max(this.field(index, size) + by, 0), 2 ** size - 1)
    for (let at = index * size, rest = sum, left = size; left > 0; ) {
      const offset = at % 8
      const width = Math.min(8 - offset, left)
      const byte = (at - offset) / 8
      const mask = ((1 << width) - 1) << offset
      this.#setByte(byte, (this.#byte(byte) & ~mask) | ((rest % 2 ** width) << offset))
      rest = Math.floor(rest / 2 ** width)
      at += width
      left -= width
    }
    return sum
  }

  /** Writes the parts that have changed. */
  save(): void {
    for (const part of this.#changed) this.#source.write(part, this.#parts.get(part) as Buffer)
  }

  #byte(at: number): number {
    return this.#part(at)[at % PART_BYTES] as number
  }

  #setByte(at: number, byte: number): void {
    this.#part(at)[at % PART_BYTES] = byte
    this.#changed.add(Math.floor(at / PART_BYTES))
  }

  #part(at: number): Buffer {
    const number = Math.floor(at / PART_BYTES)
    let part = this.#parts.get(number)
    if (part === undefined) {
      part = this.#source.read(number) ?? Buffer.alloc(PART_BYTES)
      this.#parts.set(number, part)
    }
    return part
  }
}
