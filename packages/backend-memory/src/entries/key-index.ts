/** Up to this many keys, rehashing a Map takes too little time to matter. */
const SMALL = 8_192

/** The capacity of an empty Map in V8. */
const LEAST_CAPACITY = 4

/**
 * Finds the pointer of a key: a Map that can lose a million keys without a pause.
 *
 * V8 shrinks a Map in one go as soon as it is three quarters empty, which takes 36 ms for what is left of a million keys. So a
 * large Map never gets that empty: keys that are deleted then stay in it, and are recognized as dead because their pointer
 * belongs to another key or to none. Once few keys are alive, they move to a new Map. To know when V8 would shrink the Map,
 * its capacity is computed here; with an engine that does this differently, only the pause would come back.
 */
export class KeyIndex {
  readonly #keys: readonly (string | undefined)[]
  #map = new Map<string, number>()
  #leftBehind = 0
  #capacity = LEAST_CAPACITY
  /** The places of V8's table that hold a key, or held one since the last rehash. */
  #used = 0
  /** The key that was last looked up without success, as long as none was added since. */
  #absent: string | undefined
  /** The pointer that mnemonist is about to ask for: whoever adds or removes a key has already looked it up. */
  known: number | undefined

  /** @param keys The current key of each pointer. */
  constructor(keys: readonly (string | undefined)[]) {
    this.#keys = keys
  }

  find(key: string): number | undefined {
    // The check for undefined comes first, because V8 is slow at comparing text with what may be undefined.
    if (this.#absent !== undefined && this.#absent === key) return undefined
    const pointer = this.#map.get(key)
    if (pointer !== undefined && (this.#leftBehind === 0 || this.#keys[pointer] === key)) return pointer
    this.#absent = key
    return undefined
  }

  /** Called by mnemonist before it adds or removes a key. */
  get(): number | undefined {
    return this.known
  }

  /** Adds a key that is not there. */
  set(key: string, pointer: number): void {
    const { size } = this.#map
    this.#absent = undefined
    this.#map.set(key, pointer)
    if (this.#map.size === size) this.#leftBehind--
    else if (this.#used < this.#capacity) this.#used++
    else {
      if (this.#used - size < this.#capacity / 2) this.#capacity *= 2
      this.#used = size + 1
    }
  }

  /** Removes a key that is there. */
  delete(key: string): void {
    const { size } = this.#map
    const shrinks = size <= this.#capacity / 4
    if (shrinks && size > SMALL) {
      this.#leftBehind++
      return
    }
    this.#map.delete(key)
    if (!shrinks) return
    this.#capacity /= 2
    this.#used = size - 1
  }

  clear(): void {
    this.rebuild([])
  }

  /** Whether it is worth while to {@link rebuild}, now that `alive` keys are left. */
  isWorn(alive: number): boolean {
    return this.#leftBehind > 0 && alive <= SMALL
  }

  /** Starts over with the keys that are alive. */
  rebuild(pointers: Iterable<number>): void {
    this.#map = new Map()
    this.#leftBehind = this.#used = 0
    this.#capacity = LEAST_CAPACITY
    for (const pointer of pointers) this.set(this.#keys[pointer] as string, pointer)
  }
}
