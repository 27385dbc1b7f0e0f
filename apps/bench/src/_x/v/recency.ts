import { LRUMapWithDelete } from 'mnemonist'
import { KeyIndex } from './key-index.ts'

/** What overwriting adds to a stamp. */
const FRACTION = 2 ** -20

/**
 * The entries, the most recently used at the head.
 *
 * mnemonist's map numbers its entries. What else is known of one stands in arrays at that number, its pointer, so that
 * an entry costs no object of its own. A pointer whose entry is gone ends at `NaN`: neither sooner nor later than now.
 */
export class Recency extends LRUMapWithDelete<string, unknown> {
  // What mnemonist's types leave out.
  declare readonly head: number
  declare readonly tail: number
  declare readonly forward: ArrayLike<number>
  declare items: KeyIndex
  declare K: (string | undefined)[]
  declare V: unknown[]
  declare readonly splayOnTop: (pointer: number) => void

  /** When an entry ends; `Infinity`: never. */
  readonly expiresAt: Float64Array
  /** How many bytes an entry takes; absent when nobody asks. */
  readonly bytes: Float64Array | undefined
  totalBytes = 0
  /** The number of the insertion that made an entry, and as a fraction the writes since: never the same twice. */
  readonly stamps: Float64Array
  /** How many insertions there were. */
  insertions = 0

  constructor(capacity: number, measured: boolean) {
    super(capacity)
    this.K = [] // these two grow as needed
    this.V = []
    this.items = new Map() as never
    this.expiresAt = new Float64Array(capacity)
    this.stamps = new Float64Array(capacity)
    if (measured) this.bytes = new Float64Array(capacity)
  }

  /** Writes an entry, which is then at the head. Answers the key that was evicted to make room. */
  put(key: string, value: unknown, expiresAt: number, bytes: number): string | undefined {
    const { size, tail } = this
    const last = size === this.capacity ? this.K[tail] : undefined
    this.set(key, value)
    const pointer = this.head
    const evicted = last !== undefined && this.K[tail] !== last
    const overwritten = !evicted && this.size === size
    this.expiresAt[pointer] = expiresAt
    this.stamps[pointer] = overwritten ? this.#nextStamp(pointer) : ++this.insertions
    if (this.bytes) {
      this.totalBytes += bytes - (this.bytes[pointer] as number)
      this.bytes[pointer] = bytes
    }
    return evicted ? last : undefined
  }

  /** Replaces the end of an entry. */
  prolong(pointer: number, expiresAt: number): void {
    this.expiresAt[pointer] = expiresAt
    this.stamps[pointer] = this.#nextStamp(pointer)
  }

  /** Removes an entry, and answers its key. */
  drop(pointer: number): string {
    const key = this.K[pointer] as string
    if (this.size === 1) {
      this.clear()
      return key
    }
    this.delete(key)
    this.K[pointer] = this.V[pointer] = undefined
    this.expiresAt[pointer] = Number.NaN
    if (this.bytes) {
      this.totalBytes -= this.bytes[pointer] as number
      this.bytes[pointer] = 0
    }
    if (this.items.isWorn(this.size)) this.items.rebuild(this.#pointers())
    return key
  }

  override clear(): void {
    super.clear()
    this.bytes?.fill(0, 0, this.K.length)
    this.totalBytes = 0
    this.K.length = this.V.length = 0
  }

  #nextStamp(pointer: number): number {
    const stamp = (this.stamps[pointer] as number) + FRACTION
    return stamp === Math.floor(stamp) ? ++this.insertions : stamp
  }

  *#pointers(): Iterable<number> {
    for (let pointer = this.head, left = this.size; left > 0; left--) {
      yield pointer
      pointer = this.forward[pointer] as number
    }
  }
}
