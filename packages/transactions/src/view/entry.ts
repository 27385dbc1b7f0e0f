import { MISS, type Milliseconds, type Miss } from '@cashews/core'
import type { Held } from './held.ts'
import type { Fill } from './loading.ts'

/** What a transaction knows about one key. */
export class Entry {
  /** What the store held when the transaction first read the key. Absent: it has not read it. */
  seen: Held | Miss | undefined
  /** What the transaction has written. `MISS`: it has deleted the key. */
  own: Held | Miss | undefined
  /** The result that a cached function has loaded inside; stored after the commit, unless the key was invalidated. */
  fill: Fill | undefined
  /** How the commit depends on `seen`, in modes that do not check every read. */
  judged: Judged | undefined
  /** Whether only the lifetime was changed. */
  onlyLifetime = false
  /** The tags that the transaction gave the key. */
  tags: readonly string[] = []
  /** Whether `seen` has a tag that the transaction deletes or expires. */
  isDropped = false
  /** The stale value that the key held when the transaction expired one of its tags; gone once it deletes any tag, or writes. */
  stale: Held | Miss = MISS
  /** Whether the key also keeps the tags that it has in the store. */
  keepsTags = false

  /** What the key holds as the transaction sees it. */
  at(now: Milliseconds): Held | Miss {
    return unexpired(this.fill?.held ?? this.own ?? (this.isDropped ? MISS : this.seen) ?? MISS, now)
  }

  /** What is left of {@link stale}. */
  staleAt(now: Milliseconds): Held | Miss {
    return unexpired(this.stale, now)
  }

  /** What the store must hold at the time of the writes for the commit to be valid: the tags are deleted by then. */
  get expected(): Held | Miss | undefined {
    return this.isDropped ? MISS : this.seen
  }

  /** The same before any tag is deleted. Absent for a key found to have a deleted tag: that one may change. */
  get expectedWithTags(): Held | Miss | undefined {
    return this.isDropped && this.seen === MISS ? undefined : this.seen
  }

  /** Whether it is known what the key holds. */
  get isKnown(): boolean {
    return this.own !== undefined || this.fill !== undefined || this.seen !== undefined
  }

  /** Whether the transaction has not changed the key. */
  get isUntouched(): boolean {
    return this.own === undefined && this.fill === undefined
  }

  write(held: Held | Miss, judged?: Judged, tags: readonly string[] = []): void {
    this.own = held
    this.fill = undefined
    this.judged = judged
    this.onlyLifetime = false
    this.tags = tags
    this.keepsTags = false
    this.stale = MISS
  }

  /** Replaces what the key holds, and keeps its tags. */
  change(held: Held, judged: Judged | undefined, added: readonly string[] = []): void {
    const tags = [...new Set([...(this.fill?.tags ?? this.tags), ...added])]
    const keepsTags = this.isUntouched || this.keepsTags
    this.write(held, judged, tags)
    this.keepsTags = keepsTags
  }
}

function unexpired(held: Held | Miss, now: Milliseconds): Held | Miss {
  return held === MISS || held.expiresAt <= now ? MISS : held
}

/**
 * What a write assumed about the store. `sum`: it added to what was there. `presence`: that there was a key, or none.
 * `all`: it depends on exactly what was there.
 */
export type Judged =
  | { readonly what: 'sum'; readonly by: number; readonly endOfNew: Milliseconds }
  | { readonly what: 'presence' | 'all' }
