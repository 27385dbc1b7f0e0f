/** V8 rehashes a Map of this many keys faster than anybody notices. */
const SMALL = 8_192

/** What an empty Map of V8 has room for. */
const LEAST_CAPACITY = 4

/**
 * From keys to pointers: a Map that can lose a million keys without a pause.
 *
 * V8 shrinks a Map as soon as it is three quarters empty, in one go: 36 ms for what is left of a million keys. So a large
 * Map keeps its last quarter: keys deleted from there are left behind, and told from the living by the key that their
 * pointer has now. Once few are alive, they move to a new Map. V8's capacity is reckoned along; should another engine
 * reckon differently, only the pause comes back.
 */
export class KeyIndex {
  readonly #keys: readonly (string | undefined)[]
  #map = new Map<string, number>()
  #leftBehind = 0
  #capacity = LEAST_CAPACITY
  /** Places in V8's table that hold a key or did so since it was last rehashed. */
  #used = 0
  /** The key looked for in vain last, while none was added since. */
  #absent: string | undefined
  /** Where the key is that mnemonist is about to ask for: who adds or removes one has looked for it already. */
  known: number | undefined

  /** @param keys What key a pointer has now. */
  constructor(keys: readonly (string | undefined)[]) {
    this.#keys = keys
  }

  find(key: string): number | undefined {
    // Asked first whether there is one: V8 has no short way to compare what may be text and may be nothing.
    if (this.#absent !== undefined && this.#absent === key) return undefined
    const pointer = this.#map.get(key)
    if (pointer !== undefined && (this.#leftBehind === 0 || this.#keys[pointer] === key)) return pointer
    this.#absent = key
    return undefined
  }

  /** Answers mnemonist, which looks before it adds or removes. */
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

  /** Whether it pays to {@link rebuild} now that `alive` keys are left. */
  isWorn(alive: number): boolean {
    return this.#leftBehind > 0 && alive <= SMALL
  }

  /** Starts anew with those that are alive. */
  rebuild(pointers: Iterable<number>): void {
    this.#map = new Map()
    this.#leftBehind = this.#used = 0
    this.#capacity = LEAST_CAPACITY
    for (const pointer of pointers) this.set(this.#keys[pointer] as string, pointer)
  }
}
