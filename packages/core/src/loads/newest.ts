/** An entry that knows its own key, and the entry of the same key that was added before it. */
interface Linked<V> {
  readonly key: string | undefined
  older: V | undefined
}

/**
 * A map that finds the newest entry of each key, which is linked to the older ones. Usually there is at most one key. Its entry is
 * in a field, because V8 rebuilds a small `Map` every few insertions and deletions.
 */
export class Newest<V extends Linked<V>> {
  #one: V | undefined
  readonly #others = new Map<string, V>()

  get isEmpty(): boolean {
    return this.#one === undefined && this.#others.size === 0
  }

  get(key: string): V | undefined {
    if (this.#isOne(key)) return this.#one
    return this.#others.size > 0 ? this.#others.get(key) : undefined
  }

  add(value: V): void {
    value.older = this.get(value.key as string)
    this.#set(value)
  }

  /** Removes an entry. If it was the newest of its key, the one before it is found again. */
  remove(value: V): void {
    const { key, older } = value
    if (key === undefined) return
    let newer = this.get(key)
    if (newer === value) {
      if (older) this.#set(older)
      else this.delete(key)
    } else {
      while (newer && newer.older !== value) newer = newer.older
      if (newer) newer.older = older
    }
  }

  /** Removes all entries of a key. Returns whether there was one. */
  delete(key: string): boolean {
    if (!this.#isOne(key)) return this.#others.delete(key)
    this.#one = undefined
    return true
  }

  keys(): string[] {
    return this.#one === undefined ? [...this.#others.keys()] : [this.#one.key as string, ...this.#others.keys()]
  }

  #set(value: V): void {
    const key = value.key as string
    if (this.#one === undefined ? !this.#others.has(key) : this.#one.key === key) this.#one = value
    else this.#others.set(key, value)
  }

  #isOne(key: string): boolean {
    return this.#one !== undefined && this.#one.key === key
  }
}
