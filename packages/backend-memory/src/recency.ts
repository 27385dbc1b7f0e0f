import { LRUMapWithDelete } from 'mnemonist'
import { KeyIndex } from './key-index.ts'
import type { MemoryMoment } from './moments.ts'
import { TagBook, type Ties } from './tag-book.ts'

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
  declare readonly backward: ArrayLike<number>
  declare items: KeyIndex
  declare K: (string | undefined)[]
  declare V: unknown[]
  declare readonly splayOnTop: (pointer: number) => void

  /** When an entry ends; `Infinity`: never. */
  readonly expiresAt: Float64Array
  /** How many bytes an entry takes; absent when nobody asks. */
  readonly bytes: Float64Array | undefined
  totalBytes = 0
  /**
   * The number of the insertion that made an entry, and as a fraction the writes since: never the same twice. Counted
   * from {@link stamped} on.
   */
  stamps: Float64Array | undefined
  /** The promise of a value that all its readers may share, from {@link promised} on. */
  promises: (Promise<unknown> | undefined)[] | undefined
  /** The tags of each entry, once one has any. */
  ties: (Ties | undefined)[] | undefined
  /**
   * As long as {@link TagBook.changes} is no more than this, the tags of an entry are as they were; `Infinity` where it has
   * none. Beside the entries, because every read looks here.
   */
  tiedUntil: Float64Array | undefined
  readonly book: TagBook = new TagBook()
  /** How often a tag of entries was deleted or expired. */
  doubts = 0
  #mayBeUntied = false
  #deletions = 0
  /**
   * Whether every entry that has not expired is there: since all were looked at last, no tag of theirs was deleted or expired,
   * and none is being deleted by a pattern. Most reads need to look at nothing else.
   */
  isPlain = true
  /** Ends when anything is written or removed, or comes to be in doubt. */
  moment: MemoryMoment | undefined
  /** How many insertions there were since stamps are counted. */
  insertions = 0

  constructor(capacity: number, measured: boolean) {
    super(capacity)
    this.K = [] // these two grow as needed
    this.V = []
    this.items = new KeyIndex(this.K)
    this.expiresAt = new Float64Array(capacity)
    if (measured) this.bytes = new Float64Array(capacity)
  }

  /** The stamps, counted from the first time on that anybody asks. */
  stamped(): Float64Array {
    this.stamps ??= new Float64Array(this.capacity)
    return this.stamps
  }

  /** The promises, kept from the first time on that anybody asks. */
  promised(): (Promise<unknown> | undefined)[] {
    this.promises ??= new Array(this.K.length)
    return this.promises
  }

  changed(): void {
    if (this.moment === undefined) return
    this.moment.end()
    this.moment = undefined
  }

  /** Notes that an entry was read. */
  use(pointer: number): void {
    this.splayOnTop(pointer)
  }

  /** Which entry goes next, to make room for the one at the head. */
  victim(): number {
    return this.tail
  }

  /**
   * Adds an entry at the head. Its end and its tags are left to the caller: until then they are those of whoever had its
   * pointer. Answers the key of the entry that was evicted to make room.
   */
  insert(key: string, value: unknown): string | undefined {
    const evicted = this.size === this.capacity ? this.evict() : undefined
    this.items.known = undefined
    this.set(key, value)
    if (this.stamps) this.stamps[this.head] = ++this.insertions
    if (this.promises) this.promises[this.head] = undefined
    this.changed()
    return evicted
  }

  /** Makes room for an insertion that is about to come. Answers the key that goes: here, mnemonist lets the tail go. */
  protected evict(): string {
    return this.K[this.tail] as string
  }

  /** Puts another value into an entry, which is then at the head. It keeps its end and its tags. */
  overwrite(pointer: number, value: unknown): undefined {
    this.splayOnTop(pointer)
    this.V[pointer] = value
    if (this.promises) this.promises[pointer] = undefined
    this.touch(pointer)
  }

  /** Puts an entry under tags, instead of those it has; under none without ties. */
  tie(pointer: number, ties: Ties | undefined): void {
    this.ties ??= new Array(this.K.length)
    this.tiedUntil ??= new Float64Array(this.capacity).fill(Number.POSITIVE_INFINITY)
    const before = this.ties[pointer]
    if (ties) this.book.keep(ties)
    if (before) this.book.release(before)
    this.ties[pointer] = ties
    this.tiedUntil[pointer] = ties ? ties.since : Number.POSITIVE_INFINITY
  }

  /** Notes that a tag of some entries was deleted or expired: reads have to look at the tags of each from now on. */
  doubtTies(): void {
    this.doubts++
    this.#mayBeUntied = true
    this.#judge()
  }

  /** Notes that the tags of all entries are as they were, so that reads need not look at them. */
  trustTies(): void {
    this.#mayBeUntied = false
    this.#judge()
  }

  /** Notes that one more pattern deletes entries, or one less. */
  countDeletions(by: 1 | -1): void {
    this.#deletions += by
    this.#judge()
  }

  #judge(): void {
    this.changed()
    this.isPlain = !this.#mayBeUntied && this.#deletions === 0
  }

  /** Whether the tags of an entry are as they were. Removes it when one was deleted. */
  isTied(pointer: number): boolean {
    const { tiedUntil, book } = this
    if (tiedUntil === undefined || (tiedUntil[pointer] as number) >= book.changes) return true
    if (this.ties?.[pointer]?.hold(false) !== false) {
      tiedUntil[pointer] = book.changes
      return true
    }
    if (this.isVoid(pointer)) this.drop(pointer)
    return false
  }

  /** Whether a tag of an entry was deleted, so that nobody will see it again. */
  isVoid(pointer: number): boolean {
    return this.ties?.[pointer]?.hold(true) === false
  }

  /** Notes that an entry is not what it was. */
  touch(pointer: number): void {
    this.changed()
    if (!this.stamps) return
    const stamp = (this.stamps[pointer] as number) + FRACTION
    this.stamps[pointer] = stamp === Math.floor(stamp) ? ++this.insertions : stamp
  }

  /** Removes an entry, and answers its key. */
  drop(pointer: number): string {
    const key = this.K[pointer] as string
    this.changed()
    if (this.ties) this.tie(pointer, undefined)
    if (this.size === 1) {
      this.ties = undefined
      this.clear()
      return key
    }
    this.items.known = pointer
    this.delete(key)
    this.K[pointer] = this.V[pointer] = undefined
    this.expiresAt[pointer] = Number.NaN
    if (this.stamps) this.stamps[pointer] = Number.NaN
    if (this.promises) this.promises[pointer] = undefined
    this.measure(pointer, 0)
    if (this.items.isWorn(this.size)) this.items.rebuild(this.#pointers())
    return key
  }

  override clear(): void {
    super.clear()
    this.stamps?.fill(Number.NaN, 0, this.K.length)
    this.promises = undefined
    if (this.ties) this.book.clear()
    this.ties = undefined
    this.tiedUntil = undefined
    this.trustTies()
    this.bytes?.fill(0, 0, this.K.length)
    this.totalBytes = 0
    this.K.length = this.V.length = 0
  }

  /** Notes how many bytes an entry takes, if anybody asks. */
  measure(pointer: number, bytes: number): void {
    if (!this.bytes) return
    this.totalBytes += bytes - (this.bytes[pointer] as number)
    this.bytes[pointer] = bytes
  }

  *#pointers(): Iterable<number> {
    for (let pointer = this.head, left = this.size; left > 0; left--) {
      yield pointer
      pointer = this.forward[pointer] as number
    }
  }
}
