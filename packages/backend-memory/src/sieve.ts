import { Recency } from './recency.ts'

/**
 * Entries in the order they were written, where one that was read since the hand last passed is spared once.
 *
 * A key that is asked for again and again stays, a key that is asked for once goes soon, and a read moves nothing. The
 * algorithm is SIEVE: Zhang et al., "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm for Web Caches",
 * NSDI 2024.
 */
export class Sieve extends Recency {
  /** 1: read since the hand last passed. */
  readonly #read: Uint8Array
  /** Where the hand goes on, from the oldest to the newest; absent: at the oldest. */
  #hand: number | undefined

  constructor(capacity: number, measured: boolean) {
    super(capacity, measured)
    this.#read = new Uint8Array(capacity)
  }

  override use(pointer: number): void {
    this.#read[pointer] = 1
  }

  override victim(): number {
    return this.#sieve(this.size > 1 ? this.head : undefined)
  }

  protected override evict(): string {
    return this.drop(this.#sieve())
  }

  /** Moves the hand to the next entry that was not read, past one that is `spared`. */
  #sieve(spared?: number): number {
    let pointer = this.#hand ?? this.tail
    while (this.#read[pointer] === 1 || pointer === spared) {
      this.#read[pointer] = 0
      pointer = this.#newer(pointer) ?? this.tail
    }
    this.#hand = pointer
    return pointer
  }

  protected override put(pointer: number, value: unknown): void {
    this.#leave(pointer)
    super.put(pointer, value)
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
