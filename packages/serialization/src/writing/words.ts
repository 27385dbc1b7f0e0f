import { Buffer } from 'node:buffer'
import type { Tag } from '../formats/tagged.ts'

/** Small payloads share slabs of memory, like Node's own small buffers. */
const SLAB_BYTES = 8_192
/** A new slab is started when less than this is left. */
const LEAST_BYTES = 1_024
/** The memory of larger payloads is reused, up to this size. */
const MOST_KEPT = 1_048_576
/** The most bytes of a number, of the header of a string, list or map, and of the start of a tagged part. */
const WORD_BYTES = 9
/** Up to this length, the header of a string or list is one byte. */
const FEW_BYTES = 31
const FEW_ITEMS = 15
/** The most UTF-8 bytes per UTF-16 unit. For longer text they are counted, rather than reserving three times as much. */
const BYTES_PER_UNIT = 3
const LONG_TEXT = 4_096

/** Writes MessagePack, with the very bytes that msgpackr writes. */
export class Words {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #cut = 0
  #large = Buffer.alloc(0)
  /** The buffer that is written to: the slab, or one for a larger payload. */
  #bytes = this.#slab
  #view = new DataView(this.#bytes.buffer)
  #start = 0
  #at = 0

  /** Begins a payload after `reserved` free bytes. A payload that was begun and not ended is dropped. */
  begin(reserved: number): void {
    if (SLAB_BYTES - this.#cut < LEAST_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#cut = 0
    }
    if (this.#bytes !== this.#slab) this.#writeTo(this.#slab)
    this.#start = this.#cut
    this.#at = this.#cut + reserved
  }

  /** Returns the payload. Its memory is not written to again. */
  end(): Buffer {
    const written = this.#bytes.subarray(this.#start, this.#at)
    if (this.#bytes !== this.#slab) return Buffer.from(written)
    this.#cut = this.#at
    return written
  }

  null(): void {
    this.#claim(WORD_BYTES)
    this.#bytes[this.#at++] = 0xc0
  }

  boolean(value: boolean): void {
    this.#claim(WORD_BYTES)
    this.#bytes[this.#at++] = value ? 0xc3 : 0xc2
  }

  undefined(): void {
    this.#claim(WORD_BYTES)
    this.#word16(0xd4, 0)
  }

  number(value: number): void {
    this.#claim(WORD_BYTES)
    if (value >>> 0 === value) this.#natural(value)
    else if (value >> 0 === value) this.#negative(value)
    else {
      this.#bytes[this.#at] = 0xcb
      this.#view.setFloat64(this.#at + 1, value)
      this.#at += 9
    }
  }

  #natural(value: number): void {
    if (value < 0x80) this.#bytes[this.#at++] = value
    else if (value < 0x100) this.#word8(0xcc, value)
    else if (value < 0x10000) this.#word16(0xcd, value)
    else this.#word32(0xce, value)
  }

  #negative(value: number): void {
    if (value >= -0x20) this.#bytes[this.#at++] = value
    else if (value >= -0x80) this.#word8(0xd0, value)
    else if (value >= -0x8000) this.#word16(0xd1, value)
    else this.#word32(0xd2, value)
  }

  /** Writes a string, unless UTF-8 cannot represent it. Returns whether it did. */
  text(value: string): boolean {
    const { length } = value
    if (length > FEW_BYTES) return this.#utf8(value)
    this.#claim(length + 1)
    const bytes = this.#bytes
    let to = this.#at + 1
    // For short ASCII text, a loop is faster than a call of Node.
    for (let from = 0; from < length; from++) {
      const unit = value.charCodeAt(from)
      if (unit > 0x7f) return this.#utf8(value)
      bytes[to++] = unit
    }
    bytes[this.#at] = 0xa0 | length
    this.#at = to
    return true
  }

  #utf8(value: string): boolean {
    const { length } = value
    this.#claim(WORD_BYTES + (length > LONG_TEXT ? Buffer.byteLength(value) : length * BYTES_PER_UNIT))
    const at = this.#at
    const guess = sizeOfSize(length)
    const size = this.#bytes.write(value, at + guess)
    if (size !== length && !value.isWellFormed()) return false
    const head = sizeOfSize(size)
    if (head !== guess) this.#bytes.copyWithin(at + head, at + guess, at + guess + size)
    if (head === 1) this.#bytes[this.#at++] = 0xa0 | size
    else if (head === 2) this.#word8(0xd9, size)
    else if (head === 3) this.#word16(0xda, size)
    else this.#word32(0xdb, size)
    this.#at += size
    return true
  }

  /** Begins a list; its items come next. */
  list(length: number): void {
    this.#claim(WORD_BYTES)
    if (length <= FEW_ITEMS) this.#bytes[this.#at++] = 0x90 | length
    else if (length < 0x10000) this.#word16(0xdc, length)
    else this.#word32(0xdd, length)
  }

  /** Begins a map; its keys and values come next, alternating. Returns where it began. */
  openMap(): number {
    this.#claim(WORD_BYTES)
    const opened = this.#at - this.#start
    this.#at += 3
    return opened
  }

  /** Ends a map of at most 65,535 keys. */
  closeMap(opened: number, size: number): void {
    const head = this.#start + opened
    this.#bytes[head] = 0xde
    this.#bytes[head + 1] = size >> 8
    this.#bytes[head + 2] = size
  }

  /** Begins a tagged part; its content comes next. */
  tag(tag: Tag): void {
    this.#claim(WORD_BYTES)
    this.#word16(0xd4, 0x4300)
    this.#word8(0x92, tag)
  }

  #word8(word: number, content: number): void {
    this.#bytes[this.#at++] = word
    this.#bytes[this.#at++] = content
  }

  #word16(word: number, content: number): void {
    this.#bytes[this.#at++] = word
    this.#bytes[this.#at++] = content >> 8
    this.#bytes[this.#at++] = content
  }

  #word32(word: number, content: number): void {
    this.#bytes[this.#at] = word
    this.#view.setUint32(this.#at + 1, content)
    this.#at += 5
  }

  /** Makes room for a number of bytes. */
  #claim(bytes: number): void {
    if (this.#bytes.length - this.#at < bytes) this.#grow(bytes)
  }

  #grow(bytes: number): void {
    const written = this.#bytes.subarray(this.#start, this.#at)
    const least = written.length + bytes
    const memory = this.#large.length < least ? Buffer.allocUnsafeSlow(2 * least) : this.#large
    if (memory.length <= MOST_KEPT) this.#large = memory
    memory.set(written)
    this.#writeTo(memory)
    this.#start = 0
    this.#at = written.length
  }

  #writeTo(memory: Buffer<ArrayBuffer>): void {
    this.#bytes = memory
    this.#view = new DataView(memory.buffer)
  }
}

/** The number of bytes of a string's header. */
function sizeOfSize(size: number): number {
  if (size <= FEW_BYTES) return 1
  return size < 0x100 ? 2 : size < 0x10000 ? 3 : 5
}
