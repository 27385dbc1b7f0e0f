import { type Awaitable, all, type Call, chain, contentOf, MISS, type Miss, type Snapshot } from '@cashews/core'
import { ask } from './ask.ts'
import type { Draft } from './draft.ts'
import type { DroppedTags } from './dropped-tags.ts'
import { Entry } from './entry.ts'
import { copyOf, heldFrom } from './held.ts'
import type { View } from './view.ts'
import type { ViewHost } from './view-host.ts'

/** Finds out what keys hold, for a view: from what is known already, or from the store once the keys are locked. */
export class Reader {
  readonly draft: Draft
  readonly dropped: DroppedTags
  readonly #view: View
  readonly #host: ViewHost
  /** What keys held when they were locked, until they are read. */
  readonly #learnt = new Map<string, { readonly found: Snapshot | Miss; readonly asked: number }>()
  /** Counts the commits and rollbacks so far: each one discards what was known, and the locks. */
  #beginnings = 0

  constructor(view: View, host: ViewHost, draft: Draft, dropped: DroppedTags) {
    this.#view = view
    this.#host = host
    this.draft = draft
    this.dropped = dropped
  }

  /** Whether reads may go straight to the store. */
  get looksThrough(): boolean {
    return !this.#host.remembers && this.dropped.isEmpty
  }

  /** Reads a value. A key of another kind is a miss. */
  get(key: string): Awaitable<unknown> {
    if (!this.looksThrough) return this.look([key], () => this.#plainAt(key))
    return this.claim([], () => {
      if (this.draft.find(key)?.isKnown) return this.#plainAt(key)
      return this.#ask(key, () => this.#view.store.get(key))
    })
  }

  getMany(keys: readonly string[]): Awaitable<unknown[]> {
    if (!this.looksThrough) return this.look(keys, () => keys.map((key) => this.#plainAt(key)))
    return this.claim([], () => {
      const unknown = keys.filter((key) => !this.draft.find(key)?.isKnown)
      return chain(this.#askMany(unknown), (found) =>
        keys.map((key) => (found.has(key) ? copyOf(found.get(key)) : this.#plainAt(key))),
      )
    })
  }

  /**
   * Runs `act` once it is known what the keys hold; nothing else runs in between.
   *
   * @param takesPart Whether the transaction depends on what they hold: otherwise they are not locked, and read again next time.
   */
  look<R>(keys: readonly string[], act: () => Awaitable<R>, takesPart = true): Awaitable<R> {
    const load = () => {
      const beginning = this.#beginnings
      return chain(all(keys.map((key) => this.#load(key, takesPart))), (loaded) => {
        this.#host.check()
        if (beginning !== this.#beginnings) return this.look(keys, act, takesPart)
        const passing = takesPart ? [] : keys.filter((key) => !this.draft.find(key)) // the others were read to be kept
        for (const [at, key] of keys.entries()) this.draft.restore(key, loaded[at] as Entry)
        const answer = act()
        this.#forget(this.#host.remembers ? passing : keys)
        return answer
      })
    }
    return this.claim(takesPart ? keys : [], load, true)
  }

  /** Runs `act` once the transaction may use the keys: in the mode `locked`, once they are locked. */
  claim<R>(keys: readonly string[], act: () => Awaitable<R>, inspects = false): Awaitable<R> {
    const beginning = this.#beginnings
    this.#view.placement.stay(keys)
    return chain(this.#host.claim(this.#view, keys, inspects), () => {
      this.#host.check()
      return beginning === this.#beginnings ? act() : this.claim(keys, act, inspects)
    })
  }

  /** Returns a function that takes note of what the store holds under a key that is being locked. */
  learning(key: string): (found: Snapshot | Miss) => void {
    const asked = this.#host.clock.now()
    const beginning = this.#beginnings
    return (found) => {
      if (beginning === this.#beginnings) this.#learnt.set(key, { found, asked })
    }
  }

  /** Forgets what was learnt but not read yet. Reads under way start again. */
  beginAnew(): void {
    this.#beginnings++
    this.#learnt.clear()
  }

  #plainAt(key: string): unknown {
    const value = this.draft.valueAt(key)
    return contentOf(value) === undefined ? value : MISS
  }

  #load(key: string, takesPart: boolean): Awaitable<Entry> {
    const known = this.draft.find(key)
    if (known?.isKnown) return known
    const beginning = this.#beginnings
    const learnt = this.#learnt.get(key)
    this.#learnt.delete(key)
    const asked = learnt?.asked ?? this.#host.clock.now()
    return chain(learnt ? learnt.found : this.#ask(key, () => this.#view.store.inspect(key)), (found) =>
      chain(found !== MISS && this.dropped.reach(key), (isDropped) => {
        const entry = takesPart && beginning === this.#beginnings ? this.draft.entry(key) : new Entry()
        if (entry.seen === undefined) entry.isDropped = isDropped
        entry.seen ??= isDropped ? MISS : heldFrom(found, asked)
        return entry
      }),
    )
  }

  /** Reads the keys from the store again next time, in modes that do not promise repeatable reads. */
  #forget(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.draft.find(key)
      if (entry?.isUntouched && entry.judged === undefined) this.draft.forget(key)
    }
  }

  #ask<T>(key: string, perform: () => Awaitable<T>): Awaitable<T> {
    return ask(this.#view.door, 'get', key, perform, this.#host.readsMatter)
  }

  #askMany(keys: readonly string[]): Awaitable<ReadonlyMap<string, unknown>> {
    const { door, store } = this.#view
    if (keys.length === 0) return new Map()
    const call: Call = { command: 'getMany', keys, backend: store }
    const found = door.ask(call, () => store.getMany(keys))
    return chain(found, (found) => new Map(keys.map((key, at) => [key, found[at]])))
  }
}
