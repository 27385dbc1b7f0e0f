import { LRUMapWithDelete } from 'mnemonist'
import { KeyIndex } from './key-index.ts'
import type { MemoryMoment } from './moments.ts'
import { TagBook, type Ties } from './tag-book.ts'

/** How much overwriting an entry adds to its stamp. */
const FRACTION = 2 ** -20

/**
 * The entries of a store, the most recently used at the head.
 *
 * mnemonist's map numbers its entries. Everything else about an entry is in arrays, at the index of that number, its pointer,
 * so that an entry needs no object of its own. `K` has the keys and `V` the values. The expiry of a pointer without an entry is
 * `NaN`, which is neither before nor after any time.
 */
export class Recency extends LRUMapWithDelete<string, unknown> {
  // Members that mnemonist's types do not declare.
  declare readonly head: number
  declare readonly tail: number
  declare readonly forward: ArrayLike<number>
  declare readonly backward: ArrayLike<number>
  declare items: KeyIndex
  declare K: (string | undefined)[]
  declare V: unknown[]
  declare readonly splayOnTop: (pointer: number) => void

  /** When each entry expires, in milliseconds since the epoch; `Infinity`: never. */
  readonly expiresAt: Float64Array
  /** How many bytes each entry takes; absent if the store has no limit in bytes. */
  readonly bytes: Float64Array | undefined
  totalBytes = 0
  /**
   * The stamp of each entry: the number of its insertion, and the overwrites since as a fraction. No stamp is used twice.
   * Absent until the first call of {@link stamped}.
   */
  stamps: Float64Array | undefined
  /** The promises of values that readers share. Absent until the first call of {@link promised}. */
  promises: (Promise<unknown> | undefined)[] | undefined
  /** The tags of each entry. Absent until an entry has any. */
  ties: (Ties | undefined)[] | undefined
  /**
   * The tags of an entry are unchanged as long as {@link TagBook.changes} is not more than this; `Infinity` if it has none.
   * In an array of its own, because every read checks it.
   */
  tiedUntil: Float64Array | undefined
  readonly book: TagBook = new TagBook()
  /** Counts the deletions and expirations of tags that entries have. */
  doubts = 0
  #mayBeUntied = false
  #deletions = 0
  /**
   * Whether readers see every entry that has not expired: no tag was deleted or expired since all entries were last checked,
   * and no deletion by a pattern is in progress. Most reads then need no other check.
   */
  isPlain = true
  /** The current moment, which ends when anything is written or removed, or may have become absent. */
  moment: MemoryMoment | undefined
  /** The number of insertions since there are stamps. */
  insertions = 0

  constructor(capacity: number, measured: boolean) {
    super(capacity)
    this.K = [] // these two grow when needed
    this.V = []
    this.items = new KeyIndex(this.K)
    this.expiresAt = new Float64Array(capacity)
    if (measured) this.bytes = new Float64Array(capacity)
  }

  /** The stamps, which are counted from the first call on. */
  stamped(): Float64Array {
    this.stamps ??= new Float64Array(this.capacity)
    return this.stamps
  }

  /** The promises, which are kept from the first call on. */
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

  /** The entry to evict next, to make room for the one at the head. */
  victim(): number {
    return this.tail
  }

  /**
   * Adds an entry at the head, and returns the key of the entry that was evicted to make room. The caller has to set the expiry
   * and the tags: until then they are those of the entry that had this pointer before.
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

  /** Makes room for the next insertion, and returns the evicted key. Here, mnemonist itself will evict the tail. */
  protected evict(): string {
    return this.K[this.tail] as string
  }

  /** Replaces the value of an entry, and moves it to the head. It keeps its expiry and its tags. */
  overwrite(pointer: number, value: unknown): undefined {
    this.splayOnTop(pointer)
    this.V[pointer] = value
    if (this.promises) this.promises[pointer] = undefined
    this.touch(pointer)
  }

  /** Replaces the tags of an entry. */
  tie(pointer: number, ties: Ties | undefined): void {
    this.ties ??= new Array(this.K.length)
    this.tiedUntil ??= new Float64Array(this.capacity).fill(Number.POSITIVE_INFINITY)
    const before = this.ties[pointer]
    if (ties) this.book.keep(ties)
    if (before) this.book.release(before)
    this.ties[pointer] = ties
    this.tiedUntil[pointer] = ties ? ties.since : Number.POSITIVE_INFINITY
  }

  /** Notes that a tag of some entries was deleted or expired: from now on, reads check the tags of each entry. */
  doubtTies(): void {
    this.doubts++
    this.#mayBeUntied = true
    this.#judge()
  }

  /** Notes that the tags of all entries are unchanged, so that reads need not check them. */
  trustTies(): void {
    this.#mayBeUntied = false
    this.#judge()
  }

  /** Counts the deletions by pattern that are in progress. */
  countDeletions(by: 1 | -1): void {
    this.#deletions += by
    this.#judge()
  }

  #judge(): void {
    this.changed()
    this.isPlain = !this.#mayBeUntied && this.#deletions === 0
  }

  /** Whether the tags of an entry are unchanged. Removes the entry if one of them was deleted. */
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

  /** Whether a tag of an entry was deleted, so that nobody will see the entry again. */
  isVoid(pointer: number): boolean {
    return this.ties?.[pointer]?.hold(true) === false
  }

  /** Notes that an entry was changed. */
  touch(pointer: number): void {
    this.changed()
    if (!this.stamps) return
    const stamp = (this.stamps[pointer] as number) + FRACTION
    this.stamps[pointer] = stamp === Math.floor(stamp) ? ++this.insertions : stamp
  }

  /** Removes an entry, and returns its key. */
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

  /** Records how many bytes an entry takes, if the store has a limit in bytes. */
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
