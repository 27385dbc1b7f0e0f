import type { KnownTags } from './tag-steps.ts'

/** How many keys are remembered at least; twice as many at most. */
const GENERATION = 8_192

/** Remembers the tags of keys that were lately read or written, so that the next read asks for their records too. A hint. */
export class RecentTags {
  readonly #know: (tags: readonly string[]) => KnownTags
  #young = new Map<string, KnownTags>()
  #old = this.#young
  /** What is known of the tags that were noted last: those of a function are often the same for all of its keys. */
  #last: KnownTags = { tags: [] }

  /** @param know Tells what the store knows of tags. */
  constructor(know: (tags: readonly string[]) => KnownTags) {
    this.#know = know
  }

  /** What is asked for stays for another generation. */
  get(key: string): KnownTags | undefined {
    const young = this.#young.get(key)
    if (young !== undefined || this.#old === this.#young) return young
    const old = this.#old.get(key)
    return old && this.put(key, old)
  }

  /** Notes the tags that a key has now, and answers what is known of them. */
  note(key: string, tags: readonly string[]): KnownTags {
    const known = this.get(key)
    if (known !== undefined && areSame(known.tags, tags)) return known
    if (!areSame(this.#last.tags, tags)) this.#last = this.#know(tags)
    return this.put(key, this.#last)
  }

  /** Notes what is known of the tags that a key has now, and answers it. */
  put(key: string, known: KnownTags): KnownTags {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, known)
    return known
  }
}

/** Whether lists hold the same tags in the same order. */
export function areSame(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false
  return true
}
