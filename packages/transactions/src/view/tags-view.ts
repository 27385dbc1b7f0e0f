import { type Awaitable, all, chain, MISS, type Miss, type Tags } from '@cashews/core'
import { ask } from './ask.ts'
import type { Dropping } from './dropped-tags.ts'
import type { Reader } from './reader.ts'
import type { View } from './view.ts'

/** Tags as a transaction sees them: first the tags that it has given or deleted itself, then those of the store. */
export class TagsView implements Tags {
  readonly #view: View
  readonly #store: Tags
  readonly #reader: Reader

  constructor(view: View, store: Tags, reader: Reader) {
    this.#view = view
    this.#store = store
    this.#reader = reader
  }

  readonly set: Tags['set'] = (key, value, lifetime, tags, { exists } = {}) =>
    this.#view.set(key, value, lifetime, exists, tags)

  readonly setMany: Tags['setMany'] = (entries, lifetime, tags) => this.#view.setMany(entries, lifetime, tags)

  readonly incr: Tags['incr'] = (key, by, lifetime, tags) => this.#view.incrTagged(key, by, lifetime, tags)

  readonly delete: Tags['delete'] = (tags) => this.#drop(tags, 'deleted')

  readonly expire: Tags['expire'] = (tags) => this.#drop(tags, 'expired')

  readonly of: Tags['of'] = (key) => {
    const { draft } = this.#reader
    return this.#reader.look([key], () => {
      const entry = draft.entry(key)
      if (draft.heldAt(key) === MISS) return MISS
      const own = entry.fill?.tags ?? entry.tags
      if (!entry.isUntouched && !entry.keepsTags) return own
      const stored = ask<readonly string[] | Miss>(this.#view.door, 'get', key, () => this.#store.of(key))
      return chain(stored, (stored) => (stored === MISS ? own : [...new Set([...stored, ...own])]))
    })
  }

  readonly stale: Tags['stale'] = (key) => {
    const { draft, dropped } = this.#reader
    return this.#reader.claim([], () => {
      const stale = draft.staleAt(key)
      if (stale !== MISS) return stale
      if (draft.find(key)?.isUntouched === false) return this.#reader.get(key)
      if (this.#view.hasDeleted(key)) return MISS
      return chain(dropped.reachStale(key), (isDropped) =>
        isDropped ? MISS : ask<unknown>(this.#view.door, 'get', key, () => this.#store.stale(key)),
      )
    })
  }

  /** Makes the keys with these tags absent. */
  #drop(tags: readonly string[], how: Dropping): Awaitable<void> {
    const { draft, dropped } = this.#reader
    return this.#reader.claim([], () => {
      dropped.add(tags, how)
      draft.loadings.cancelTagged(tags)
      for (const [key, entry] of draft) {
        if (how === 'deleted') entry.stale = MISS
        if ((entry.fill?.tags ?? entry.tags).some((tag) => tags.includes(tag))) this.#lose(key, how)
      }
      return this.#dropStored(how)
    })
  }

  /** The same for keys that have their tags in the store. */
  #dropStored(how: Dropping): Awaitable<void> {
    const { draft, dropped } = this.#reader
    const seen = [...draft].filter(([, { seen, isDropped }]) => !isDropped && seen !== undefined && seen !== MISS)
    return chain(all(seen.map(([key]) => dropped.reach(key))), (reached) => {
      for (const [at, [key, entry]] of seen.entries()) {
        if (!reached[at]) continue
        if (entry.keepsTags) this.#lose(key, how)
        entry.isDropped = true
      }
    })
  }

  #lose(key: string, how: Dropping): void {
    const { draft } = this.#reader
    const held = draft.heldAt(key)
    const entry = draft.entry(key)
    entry.write(MISS)
    if (how === 'expired') entry.stale = held
  }
}
