import type { KnownTags } from './tag-steps.ts'

/** The least number of keys remembered; at most it is twice as many. */
const GENERATION = 8_192

/** Remembers the tags of recently used keys, so that the next read can ask for their records too. Only a hint. */
export class RecentTags {
  readonly #know: (tags: readonly string[]) => KnownTags
  #young = new Map<string, KnownTags>()
  #old = this.#young
  /** The tags that were noted last: those of a function are often the same for all of its keys. */
  #last: KnownTags = { tags: [] }

  /** @param know Prepares tags for the store: {@link TagSteps.know}. */
  constructor(know: (tags: readonly string[]) => KnownTags) {
    this.#know = know
  }

  /** Returns the tags of a key, which is then kept for another generation. */
  get(key: string): KnownTags | undefined {
    const young = this.#young.get(key)
    if (young !== undefined || this.#old === this.#young) return young
    const old = this.#old.get(key)
    return old && this.put(key, old)
  }

  /** Notes the tags that a key has now, and returns them prepared for the store. */
  note(key: string, tags: readonly string[]): KnownTags {
    const known = this.get(key)
    if (known !== undefined && areSame(known.tags, tags)) return known
    if (!areSame(this.#last.tags, tags)) this.#last = this.#know(tags)
    return this.put(key, this.#last)
  }

  /** The same for tags that are prepared already. */
  put(key: string, known: KnownTags): KnownTags {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, known)
    return known
  }
}

/** Whether two lists have the same tags in the same order. */
export function areSame(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false
  return true
}
