import { MISS, type Milliseconds, type Miss } from '@cashews/core'
import type { Held } from './held.ts'
import type { Fill } from './loading.ts'

/** What a transaction knows of one key. */
export class Entry {
  /** What the store held when it was first looked at. Absent: nobody has looked. */
  seen: Held | Miss | undefined
  /** What the transaction has written. `MISS`: it deleted the key. */
  own: Held | Miss | undefined
  /** What a cached function has answered since; stored after the commit, if nobody invalidated it, nor the transaction. */
  fill: Fill | undefined
  /** How the commit depends on what was seen, where the mode does not check it anyhow. */
  judged: Judged | undefined
  /** Whether all that was written is the lifetime. */
  onlyLifetime = false
  /** The tags that were given to it. */
  tags: readonly string[] = []
  /** Whether what was seen is under a tag that the transaction deletes or expires. */
  isDropped = false
  /** What the key held when one of its tags expired inside, until any tag is deleted inside. */
  stale: unknown = MISS
  /** Whether it also keeps the tags that it has in the store. */
  keepsTags = false

  /** What the key holds in the view of the transaction. */
  at(now: Milliseconds): Held | Miss {
    const held = this.fill?.held ?? this.own ?? this.seen ?? MISS
    return held === MISS || held.expiresAt <= now ? MISS : held
  }

  /** What the store has to hold when the writes are made, for what was seen to hold: the tags have been deleted by then. */
  get expected(): Held | Miss | undefined {
    return this.isDropped ? MISS : this.seen
  }

  /** The same before any tag is deleted. Absent of what was found to be under one of them: that may change. */
  get expectedWithTags(): Held | Miss | undefined {
    return this.isDropped && this.seen === MISS ? undefined : this.seen
  }

  /** Whether it is known what the key holds. */
  get isKnown(): boolean {
    return this.own !== undefined || this.fill !== undefined || this.seen !== undefined
  }

  /** Whether what the key holds is what the store held. */
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

  /** Writes over what the key holds, which keeps its tags. */
  change(held: Held, judged: Judged | undefined, added: readonly string[] = []): void {
    const tags = [...new Set([...(this.fill?.tags ?? this.tags), ...added])]
    const keepsTags = this.isUntouched || this.keepsTags
    this.write(held, judged, tags)
    this.keepsTags = keepsTags
  }
}

/**
 * What an own write took for granted. `sum`: it added to what was there. `presence`: there was a key, or none. `all`:
 * it was computed of what was there.
 */
export type Judged =
  | { readonly what: 'sum'; readonly by: number; readonly endOfNew: Milliseconds }
  | { readonly what: 'presence' | 'all' }
