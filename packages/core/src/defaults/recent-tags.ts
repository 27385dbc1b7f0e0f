/** How many keys are remembered at least; twice as many at most. */
const GENERATION = 8_192

/** Remembers the tags of keys that were lately read or written, so that the next read asks for their records too. A hint. */
export class RecentTags {
  #young = new Map<string, readonly string[]>()
  #old = this.#young

  /** What is asked for stays for another generation. */
  get(key: string): readonly string[] | undefined {
    const young = this.#young.get(key)
    if (young !== undefined || this.#old === this.#young) return young
    const tags = this.#old.get(key)
    if (tags !== undefined) this.note(key, tags)
    return tags
  }

  /** Notes the tags that a key has now. */
  note(key: string, tags: readonly string[]): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, tags)
  }
}
