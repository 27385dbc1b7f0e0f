/** An entry that knows its own key. */
interface Keyed {
  readonly key: string | undefined
}

/**
 * A map that mostly has one entry or none. That entry is kept in a field: V8 rebuilds a small `Map` every few insertions
 * and deletions.
 */
export class FewMap<V extends Keyed> {
  #one: V | undefined
  readonly #others = new Map<string, V>()

  get isEmpty(): boolean {
    return this.#one === undefined && this.#others.size === 0
  }

  get(key: string): V | undefined {
    if (this.#isOne(key)) return this.#one
    return this.#others.size > 0 ? this.#others.get(key) : undefined
  }

  set(value: V): void {
    const key = value.key as string
    if (this.#one === undefined ? !this.#others.has(key) : this.#one.key === key) this.#one = value
    else this.#others.set(key, value)
  }

  delete(key: string): boolean {
    if (!this.#isOne(key)) return this.#others.delete(key)
    this.#one = undefined
    return true
  }

  keys(): string[] {
    return this.#one === undefined ? [...this.#others.keys()] : [this.#one.key as string, ...this.#others.keys()]
  }

  #isOne(key: string): boolean {
    return this.#one !== undefined && this.#one.key === key
  }
}
