import { isUtf8 } from 'node:buffer'
import { revive } from './revive.ts'
import { EXTENSION, MOST_INLINE, WORD } from './words.ts'

/**
 * Short text is cut from a piece of the payload that became text at once, which is faster than one by one. V8 keeps the
 * piece for as long as any text that was cut from it, so pieces are small.
 */
const PIECE_BYTES = 1_024
const SHORT_TEXT = 64

/**
 * What `toString('latin1')` comes to. Node does not document it, but every version has it, and for small payloads the way
 * there takes a tenth of the whole reading.
 */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice: (this: Buffer, start: number, end: number) => string
}

/** The keys met last, each under a hash of its bytes: most of them come again. */
const KNOWN_KEYS = 1_024
const knownKeys = new Array<string>(KNOWN_KEYS).fill('')

/**
 * Reads the value that the bytes hold from `start` on. It runs nothing that they bring, and takes no more memory than
 * their number allows, whatever they promise.
 *
 * @throws When they are not MessagePack of ours, or hold less or more than a value.
 */
export function unpack(bytes: Buffer, start: number): unknown {
  return new Input(bytes, start).whole()
}

/** Reads MessagePack, word after word. */
class Input {
  readonly #bytes: Buffer
  #at: number
  #piece = ''
  #pieceStart = 0
  #pieceEnd = 0

  constructor(bytes: Buffer, start: number) {
    this.#bytes = bytes
    this.#at = start
  }

  whole(): unknown {
    const value = this.#value()
    if (this.#at < this.#bytes.length) throw new Error('there is more than a value')
    return value
  }

  #value(): unknown {
    const word = this.#byte()
    if (word < WORD.map) return word
    if (word >= WORD.negative) return word - 0x100
    if (word < WORD.list) return this.#map(word - WORD.map)
    if (word < WORD.text) return this.#list(word - WORD.list)
    if (word < WORD.null) return this.#text(word - WORD.text)
    return this.#long(word)
  }

  /** A word whose first byte says no more than what it is. */
  #long(word: number): unknown {
    switch (word) {
      case WORD.null:
        return null
      case WORD.false:
        return false
      case WORD.true:
        return true
      case WORD.bytes8:
        return this.#buffer(this.#byte())
      case WORD.bytes16:
        return this.#buffer(this.#uint16())
      case WORD.bytes32:
        return this.#buffer(this.#uint32())
      case WORD.text8:
        return this.#text(this.#byte())
      case WORD.text16:
        return this.#text(this.#uint16())
      case WORD.text32:
        return this.#text(this.#uint32())
      case WORD.list16:
        return this.#list(this.#uint16())
      case WORD.list32:
        return this.#list(this.#uint32())
      case WORD.map16:
        return this.#map(this.#uint16())
      case WORD.map32:
        return this.#map(this.#uint32())
      case WORD.extension1:
        return this.#extension(this.#byte(), this.#byte())
      default:
        return this.#number(word)
    }
  }

  #number(word: number): number | bigint {
    const bytes = this.#bytes
    switch (word) {
      case WORD.float64:
        return bytes.readDoubleBE(this.#take(8))
      case WORD.uint8:
        return this.#byte()
      case WORD.uint16:
        return this.#uint16()
      case WORD.uint32:
        return this.#uint32()
      case WORD.int8:
        return bytes.readInt8(this.#take(1))
      case WORD.int16:
        return bytes.readInt16BE(this.#take(2))
      case WORD.int32:
        return bytes.readInt32BE(this.#take(4))
      case WORD.int64:
        return bytes.readBigInt64BE(this.#take(8))
      case WORD.uint64:
        return bytes.readBigUInt64BE(this.#take(8))
      case WORD.float32:
        return bytes.readFloatBE(this.#take(4))
      default:
        throw new Error(`byte ${word} begins nothing that is accepted`)
    }
  }

  #extension(type: number, data: number): unknown {
    if (data === 0 && type === EXTENSION.undefined) return undefined
    if (data !== 0 || type !== EXTENSION.tagged) throw new Error(`extension ${type} is not accepted`)
    const parts = this.#value()
    if (!Array.isArray(parts) || parts.length !== 2) throw new Error('a tagged part is not what its tag says')
    return revive(parts[0], parts[1])
  }

  #list(length: number): unknown[] {
    this.#mustHold(length)
    const list: unknown[] = []
    for (let at = 0; at < length; at++) list.push(this.#value())
    return list
  }

  #map(size: number): Record<string, unknown> {
    this.#mustHold(2 * size)
    const map: Record<string, unknown> = {}
    for (let at = 0; at < size; at++) {
      const key = this.#key()
      map[key] = this.#value()
    }
    return map
  }

  /** A key that is known is found by its bytes, and need not become text. */
  #key(): string {
    const bytes = this.#bytes
    const size = (bytes[this.#at] as number) - WORD.text
    const start = this.#at + 1
    const end = start + size
    if (!(size > 0 && size <= MOST_INLINE.bytes && end <= bytes.length)) return this.#newKey()
    const hash = (size << 5) ^ ((bytes[start] as number) * 7) ^ ((bytes[start + (size >> 1)] as number) << 3)
    const slot = (hash ^ ((bytes[end - 1] as number) << 1)) % KNOWN_KEYS
    const known = knownKeys[slot] as string
    if (known.length !== size) return this.#newKey(slot)
    for (let at = 0; at < size; at++) if (known.charCodeAt(at) !== bytes[start + at]) return this.#newKey(slot)
    this.#at = end
    return known
  }

  #newKey(slot?: number): string {
    const start = this.#at
    const key = this.#value()
    if (typeof key !== 'string' || key === '__proto__') throw new Error('what should be a key is none')
    // One byte is one unit where all is ASCII. What is kept is V8's own copy, not cut from a piece.
    if (slot !== undefined && key.length === this.#at - start - 1)
      [knownKeys[slot]] = Object.keys({ [key]: 0 }) as [string]
    return key
  }

  #text(size: number): string {
    const start = this.#take(size)
    const end = start + size
    if (size > SHORT_TEXT) return this.#utf8(start, end)
    const bytes = this.#bytes
    for (let at = start; at < end; at++) if ((bytes[at] as number) > 0x7f) return this.#utf8(start, end)
    if (end > this.#pieceEnd) this.#nextPiece(start)
    return this.#piece.slice(start - this.#pieceStart, end - this.#pieceStart)
  }

  #nextPiece(start: number): void {
    this.#pieceStart = start
    this.#pieceEnd = Math.min(start + PIECE_BYTES, this.#bytes.length)
    this.#piece = latin1Slice.call(this.#bytes, start, this.#pieceEnd)
  }

  #utf8(start: number, end: number): string {
    const text = this.#bytes.toString('utf8', start, end)
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(start, end))) throw new Error('text is not UTF-8')
    return text
  }

  #buffer(size: number): Buffer {
    const start = this.#take(size)
    return Buffer.from(this.#bytes.subarray(start, start + size))
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] as number
  }

  #uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2))
  }

  #uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  /** Goes on behind so many bytes; answers where they begin. */
  #take(size: number): number {
    const at = this.#at
    this.#mustHold(size)
    this.#at = at + size
    return at
  }

  #mustHold(bytes: number): void {
    if (this.#bytes.length - this.#at < bytes) throw new Error('it is cut off')
  }
}
