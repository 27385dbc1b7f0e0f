import { AdmissionWindow } from './admission-window.ts'
import { Recency } from './recency.ts'

/**
 * Entries in the order they were written, where one that was read since the hand last passed is spared once.
 *
 * A key that is asked for again and again stays, a key that is asked for once goes soon, and a read moves nothing. The
 * algorithm is SIEVE: Zhang et al., "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm for Web Caches",
 * NSDI 2024.
 *
 * One thing is added. SIEVE's hand ends up among the newest entries, and takes each before anybody can ask again, while old
 * ones that were read once stay: where popularity moves on, it misses far more than LRU. So the newest have a window of
 * their own, as in W-TinyLFU (Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM
 * Transactions on Storage 2017): where the hand reaches it, it begins again at the oldest. {@link AdmissionWindow} finds how
 * large it is best.
 */
export class Sieve extends Recency {
  /** 1: read since the hand last passed. */
  readonly #read: Uint8Array
  /** How many writes had put an entry at the head when this one came there. */
  readonly #placed: Float64Array
  #placements = 0
  readonly #window = new AdmissionWindow()
  /** Where the hand goes on, from the oldest to the newest; absent: at the oldest. */
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

  /** Moves the hand to the next entry that was not read. Never answers the one that was written last, unless it is alone. */
  override victim(): number {
    let pointer = this.#orOldest(this.#hand)
    while (this.#read[pointer] === 1) {
      this.#read[pointer] = 0
      pointer = this.#orOldest(this.#newer(pointer))
    }
    this.#hand = pointer
    return pointer
  }

  /** Where the hand goes instead of into the window. */
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
