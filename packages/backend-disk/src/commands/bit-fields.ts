import { BIT_PART_BYTES } from '../values/contents.ts'

/** Loads and saves the parts of a bit array. */
export interface BitParts {
  read(part: number): Buffer | undefined
  write(part: number, bytes: Buffer): void
}

/** Bit fields, most significant bit first, in parts that are read lazily. */
export class BitFields {
  readonly #source: BitParts
  readonly #parts = new Map<number, Buffer>()
  readonly #changed = new Set<number>()

  constructor(source: BitParts) {
    this.#source = source
  }

  field(index: number, size: number): number {
    let field = 0
    for (let at = index * size, left = size; left > 0; ) {
      const { byte, width, shift } = placeOf(at, left)
      field = field * 2 ** width + ((this.#byte(byte) >> shift) & ((1 << width) - 1))
      at += width
      left -= width
    }
    return field
  }

  /** Adds to a field, clamped to what it can hold, and returns the new value. */
  add(index: number, size: number, by: number): number {
    const sum = Math.min(Math.max(this.field(index, size) + by, 0), 2 ** size - 1)
    for (let at = index * size, left = size; left > 0; ) {
      const { byte, width, shift } = placeOf(at, left)
      const bits = Math.floor(sum / 2 ** (left - width)) % 2 ** width
      this.#setByte(byte, (this.#byte(byte) & ~(((1 << width) - 1) << shift)) | (bits << shift))
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
    return this.#part(at)[at % BIT_PART_BYTES] as number
  }

  #setByte(at: number, byte: number): void {
    this.#part(at)[at % BIT_PART_BYTES] = byte
    this.#changed.add(Math.floor(at / BIT_PART_BYTES))
  }

  #part(at: number): Buffer {
    const number = Math.floor(at / BIT_PART_BYTES)
    let part = this.#parts.get(number)
    if (part === undefined) {
      part = this.#source.read(number) ?? Buffer.alloc(BIT_PART_BYTES)
      this.#parts.set(number, part)
    }
    return part
  }
}

/**
 * The byte a bit is in, how many of the `left` bits from there on that byte holds, and how far they are shifted in it.
 */
function placeOf(at: number, left: number): { byte: number; width: number; shift: number } {
  const offset = at % 8
  const width = Math.min(8 - offset, left)
  return { byte: (at - offset) / 8, width, shift: 8 - offset - width }
}
