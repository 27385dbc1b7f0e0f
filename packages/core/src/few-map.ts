/**
 * A Map for what is mostly empty or holds one entry, which then stands beside it: V8 builds a small Map anew every few
 * insertions and deletions.
 */
export class FewMap<V> {
  #key: string | undefined
  #value: V | undefined
  readonly #others = new Map<string, V>()

  get isEmpty(): boolean {
    return this.#key === undefined && this.#others.size === 0
  }

  get(key: string): V | undefined {
    return this.#key === key ? this.#value : this.#others.size > 0 ? this.#others.get(key) : undefined
  }

  set(key: string, value: V): void {
    if (this.#key === key || (this.#key === undefined && !this.#others.has(key))) {
      this.#key = key
      this.#value = value
    } else this.#others.set(key, value)
  }

  delete(key: string): boolean {
    if (this.#key !== key) return this.#others.delete(key)
    this.#key = this.#value = undefined
    return true
  }

  keys(): string[] {
    return this.#key === undefined ? [...this.#others.keys()] : [this.#key, ...this.#others.keys()]
  }
}
