import { AdmissionWindow } from './admission-window.ts'
import { Recency } from './recency.ts'

/**
 * Entries in the order in which they were written. A hand moves from the oldest to the newest and evicts, but spares an entry
 * that was read since the hand last passed it.
 *
 * Keys that are asked for again and again stay, keys that are asked for once are soon evicted, and a read moves nothing. The
 * algorithm is SIEVE: Zhang et al., "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm for Web Caches",
 * NSDI 2024.
 *
 * There is one addition. SIEVE's hand ends up among the newest entries and evicts each before anybody can ask for it again,
 * while old entries that were read once stay: where popularity changes, it has far more misses than LRU. So the newest entries
 * are in a window that the hand does not enter, as in W-TinyLFU (Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache
 * Admission Policy", ACM Transactions on Storage 2017): it starts again at the oldest instead. {@link AdmissionWindow} finds
 * the best size of the window.
 */
export class Sieve extends Recency {
  /** 1 for entries that were read since the hand last passed. */
  readonly #read: Uint8Array
  /** The value of `#placements` when each entry was last moved to the head. */
  readonly #placed: Float64Array
  #placements = 0
  readonly #window = new AdmissionWindow()
  /** Where the hand continues; absent: at the oldest entry. */
  #hand: number | undefined

  constructor(capacity: number, measured: boolean) {
    super(capacity, measured)
    this.#read = new Uint8Array(capacity)
    this.#placed = new Float64Array(capacity)
  }

  override use(pointer: number): void {
    this.#read[pointer] = 1
    this.#window.hits++
  }

  /** Moves the hand to the next entry that was not read. Never returns the one that was written last, unless it is alone. */
  override victim(): number {
    let pointer = this.#orOldest(this.#hand)
    while (this.#read[pointer] === 1) {
      this.#read[pointer] = 0
      pointer = this.#orOldest(this.#newer(pointer))
    }
    this.#hand = pointer
    return pointer
  }

  /** Returns the oldest entry instead of one in the window. */
  #orOldest(pointer: number | undefined): number {
    if (pointer === undefined) return this.tail
    const age = this.#placements - (this.#placed[pointer] as number)
    return age < this.size * this.#window.share ? this.tail : pointer
  }

  override insert(key: string, value: unknown): string | undefined {
    const evicted = super.insert(key, value)
    this.#place(this.head)
    this.#window.miss(this.size)
    return evicted
  }

  protected override evict(): string {
    return this.drop(this.victim())
  }

  #place(pointer: number): void {
    this.#placed[pointer] = ++this.#placements
  }

  override overwrite(pointer: number, value: unknown): undefined {
    this.#leave(pointer)
    super.overwrite(pointer, value)
    this.#place(pointer)
    this.use(pointer)
  }

  override drop(pointer: number): string {
    this.#leave(pointer)
    this.#read[pointer] = 0
    return super.drop(pointer)
  }

  override clear(): void {
    this.#read.fill(0, 0, this.K.length)
    super.clear()
    this.#hand = undefined
  }

  /** Moves the hand on from an entry that is about to leave its place. */
  #leave(pointer: number): void {
    if (pointer === this.#hand) this.#hand = this.#newer(pointer)
  }

  #newer(pointer: number): number | undefined {
    return pointer === this.head ? undefined : this.backward[pointer]
  }
}
