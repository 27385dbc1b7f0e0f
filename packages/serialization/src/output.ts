import { TAG, type Tag } from './tagged.ts'
import { EXTENSION, MOST_INLINE, WORD } from './words.ts'

/** Small payloads are cut off one piece of memory after the other, as Node's own small buffers are. */
const SLAB_BYTES = 8_192
/** Where less than this is left of a slab, a new one begins. */
const LEAST_BYTES = 512
/** Memory that larger payloads grew in is kept for the next, up to this size. */
const MOST_KEPT = 1_048_576

/** What a number takes at most, and what says how long text, bytes or a list are. */
const NUMBER_BYTES = 9
const SIZE_BYTES = 5
/** The most bytes of UTF-8 for a unit of UTF-16. Of longer text they are counted, lest three times the room be taken. */
const BYTES_PER_UNIT = 3
const LONG_TEXT = 4_096

/** Writes MessagePack, word after word. */
export class Output {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #slabUsed = 0
  #kept = Buffer.alloc(0)
  /** What is written to: the slab, or what a payload grew in. */
  #bytes = this.#slab
  #start = 0
  #at = 0

  /** Begins a payload behind `reserved` free bytes. What was begun before and not finished is dropped. */
  begin(reserved: number): void {
    if (SLAB_BYTES - this.#slabUsed < LEAST_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#slabUsed = 0
    }
    this.#bytes = this.#slab
    this.#start = this.#slabUsed
    this.#at = this.#start
    this.#claim(reserved)
    this.#at += reserved
  }

  /** Answers the payload, behind its free bytes. */
  finish(): Buffer {
    const written = this.#bytes.subarray(this.#start, this.#at)
    if (this.#bytes === this.#slab) {
      this.#slabUsed = this.#at
      return written
    }
    this.#bytes = this.#slab
    return Buffer.from(written)
  }

  null(): void {
    this.#byte(WORD.null)
  }

  boolean(value: boolean): void {
    this.#byte(value ? WORD.true : WORD.false)
  }

  undefined(): void {
    this.#extension(EXTENSION.undefined)
  }

  number(value: number): void {
    this.#claim(NUMBER_BYTES)
    if (Object.is(value, -0)) {
      this.tag(TAG.negativeZero)
      this.null()
    } else if (!Number.isInteger(value)) this.#float(value)
    else if (value < 0) this.#negative(value)
    else this.#natural(value)
  }

  /** @param value Of at most 64 bits, with its sign. */
  bigint(value: bigint): void {
    this.#claim(NUMBER_BYTES)
    this.#bytes[this.#at] = WORD.int64
    this.#at = this.#bytes.writeBigInt64BE(value, this.#at + 1)
  }

  text(value: string): void {
    if (!this.#ascii(value) && !this.#utf8(value)) this.#units(value)
  }

  /** Writes a key, unless UTF-8 cannot say it: answers whether it did. */
  key(value: string): boolean {
    return this.#ascii(value) || this.#utf8(value)
  }

  bytes(value: Uint8Array): void {
    this.#claim(SIZE_BYTES + value.length)
    this.#size(WORD.bytes8, value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** Begins a list; its items come next. */
  list(length: number): void {
    this.#claim(SIZE_BYTES)
    this.#parts(WORD.list, WORD.list16, length)
  }

  /** Begins a map; its keys and values come next, in turn. Answers where it began. */
  openMap(): number {
    this.#claim(1)
    return this.#at++ - this.#start
  }

  /** Ends a map. */
  closeMap(opened: number, size: number): void {
    const head = this.#start + opened
    if (size <= MOST_INLINE.parts) this.#bytes[head] = WORD.map | size
    else this.#closeLargeMap(opened, size)
  }

  /** Begins a tagged part; its content comes next. */
  tag(tag: Tag): void {
    this.#extension(EXTENSION.tagged)
    this.list(2)
    this.#byte(tag)
  }

  #byte(byte: number): void {
    this.#claim(1)
    this.#bytes[this.#at++] = byte
  }

  #extension(type: number): void {
    this.#claim(3)
    this.#bytes[this.#at++] = WORD.extension1
    this.#bytes[this.#at++] = type
    this.#bytes[this.#at++] = 0
  }

  #natural(value: number): void {
    const bytes = this.#bytes
    const at = this.#at
    if (value < WORD.map) {
      bytes[at] = value
      this.#at = at + 1
    } else if (value <= 0xff) {
      bytes[at] = WORD.uint8
      this.#at = bytes.writeUInt8(value, at + 1)
    } else if (value <= 0xffff) {
      bytes[at] = WORD.uint16
      this.#at = bytes.writeUInt16BE(value, at + 1)
    } else if (value <= 0xffffffff) {
      bytes[at] = WORD.uint32
      this.#at = bytes.writeUInt32BE(value, at + 1)
    } else this.#float(value)
  }

  #negative(value: number): void {
    const bytes = this.#bytes
    const at = this.#at
    if (value >= WORD.negative - 0x100) {
      bytes[at] = value
      this.#at = at + 1
    } else if (value >= -0x80) {
      bytes[at] = WORD.int8
      this.#at = bytes.writeInt8(value, at + 1)
    } else if (value >= -0x8000) {
      bytes[at] = WORD.int16
      this.#at = bytes.writeInt16BE(value, at + 1)
    } else if (value >= -0x80000000) {
      bytes[at] = WORD.int32
      this.#at = bytes.writeInt32BE(value, at + 1)
    } else this.#float(value)
  }

  #float(value: number): void {
    this.#bytes[this.#at] = WORD.float64
    this.#at = this.#bytes.writeDoubleBE(value, this.#at + 1)
  }

  /** Writes short text of one byte per unit, faster than anybody else; answers whether it is such text. */
  #ascii(value: string): boolean {
    const { length } = value
    if (length > MOST_INLINE.bytes) return false
    this.#claim(length + 1)
    const bytes = this.#bytes
    let to = this.#at + 1
    for (let at = 0; at < length; at++) {
      const unit = value.charCodeAt(at)
      if (unit > 0x7f) return false
      bytes[to++] = unit
    }
    bytes[this.#at] = WORD.text | length
    this.#at = to
    return true
  }

  /** Writes text as UTF-8, if that can say it: answers whether it can. */
  #utf8(value: string): boolean {
    const { length } = value
    this.#claim(SIZE_BYTES + (length > LONG_TEXT ? Buffer.byteLength(value) : length * BYTES_PER_UNIT))
    const bytes = this.#bytes
    const at = this.#at
    const guess = sizeOfSize(length)
    const size = bytes.write(value, at + guess)
    if (size !== length) {
      if (!value.isWellFormed()) return false
      const needed = sizeOfSize(size)
      if (needed !== guess) bytes.copyWithin(at + needed, at + guess, at + guess + size)
    }
    if (size <= MOST_INLINE.bytes) this.#byte(WORD.text | size)
    else this.#size(WORD.text8, size)
    this.#at += size
    return true
  }

  /** Text with half a surrogate pair, by its 16-bit units. */
  #units(value: string): void {
    this.tag(TAG.text)
    this.bytes(Buffer.from(value, 'utf16le'))
  }

  /** Writes a size behind the word for it: that of 8 bits, 16 or 32, which follow each other. */
  #size(word8: number, size: number): void {
    if (size > 0xff) this.#size16(word8 + 1, size)
    else {
      this.#bytes[this.#at] = word8
      this.#bytes[this.#at + 1] = size
      this.#at += 2
    }
  }

  #size16(word16: number, size: number): void {
    const isWide = size > 0xffff
    this.#bytes[this.#at] = isWide ? word16 + 1 : word16
    this.#at = isWide ? this.#bytes.writeUInt32BE(size, this.#at + 1) : this.#bytes.writeUInt16BE(size, this.#at + 1)
  }

  #parts(inline: number, word16: number, count: number): void {
    if (count > MOST_INLINE.parts) this.#size16(word16, count)
    else this.#bytes[this.#at++] = inline | count
  }

  /** Moves what is in a map, to make room for its size. */
  #closeLargeMap(opened: number, size: number): void {
    this.#claim(SIZE_BYTES)
    const head = this.#start + opened
    const end = this.#at
    this.#at = head
    this.#bytes.copyWithin(head + (size > 0xffff ? 5 : 3), head + 1, end)
    this.#size16(WORD.map16, size)
    this.#at += end - head - 1
  }

  /** Sees to it that so many bytes can be written. */
  #claim(bytes: number): void {
    if (this.#bytes.length - this.#at < bytes) this.#grow(bytes)
  }

  #grow(bytes: number): void {
    const written = this.#bytes.subarray(this.#start, this.#at)
    const least = written.length + bytes
    if (this.#bytes === this.#kept || this.#kept.length < least) {
      this.#bytes = Buffer.allocUnsafeSlow(2 * least)
      if (this.#bytes.length <= MOST_KEPT) this.#kept = this.#bytes
    } else this.#bytes = this.#kept
    this.#bytes.set(written)
    this.#start = 0
    this.#at = written.length
  }
}

/** How many bytes say how long text is. */
function sizeOfSize(size: number): number {
  if (size <= MOST_INLINE.bytes) return 1
  return size <= 0xff ? 2 : size <= 0xffff ? 3 : 5
}
