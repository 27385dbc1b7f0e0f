import { type Clock, MISS, type Milliseconds, type Miss, type Stamp, sumOf, type Write } from '@cashews/core'
import { Entry, type Judged } from './entry.ts'
import { copyOf, type Held } from './held.ts'
import type { Loading } from './loading.ts'
import type { Loadings } from './loadings.ts'

/**
 * What a transaction knows about the keys of one store: what it has read there, and what it has written. Before a method
 * changes a key, its caller makes sure that the key's content is known, and copies the value.
 */
export class Draft {
  /** The loads under way; a write cancels those of its key. */
  readonly loadings: Loadings
  readonly #clock: Clock
  #entries = new Map<string, Entry>()
  #stamps = 0

  constructor(clock: Clock, loadings: Loadings) {
    this.#clock = clock
    this.loadings = loadings
  }

  [Symbol.iterator](): IterableIterator<[key: string, entry: Entry]> {
    return this.#entries.entries()
  }

  find(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** The entry of a key, created if there is none. */
  entry(key: string): Entry {
    const found = this.#entries.get(key)
    if (found !== undefined) return found
    const entry = new Entry()
    this.#entries.set(key, entry)
    return entry
  }

  /** Puts an entry back that was forgotten meanwhile. */
  restore(key: string, entry: Entry): void {
    if (!this.#entries.has(key)) this.#entries.set(key, entry)
  }

  forget(key: string): void {
    this.#entries.delete(key)
  }

  /** Hands over all entries, and starts with none. */
  take(): ReadonlyMap<string, Entry> {
    const taken = this.#entries
    this.#entries = new Map()
    return taken
  }

  // Reading

  heldAt(key: string): Held | Miss {
    return this.#entries.get(key)?.at(this.#clock.now()) ?? MISS
  }

  valueAt(key: string): unknown {
    const held = this.heldAt(key)
    return held === MISS ? MISS : copyOf(held.value)
  }

  /** What it held when one of its tags expired inside. */
  staleAt(key: string): unknown {
    const held = this.#entries.get(key)?.staleAt(this.#clock.now()) ?? MISS
    return held === MISS ? MISS : copyOf(held.value)
  }

  stampAt(key: string): Stamp | undefined {
    const held = this.heldAt(key)
    return held === MISS ? undefined : held.stamp
  }

  // Writing

  /** @param judged What the write assumes about the store. */
  put(key: string, value: unknown, lifetime: Milliseconds, judged?: Judged, tags?: readonly string[]): true {
    this.#write(key, { value, expiresAt: this.#clock.now() + lifetime, stamp: this.#stamp() }, judged, tags)
    return true
  }

  /** Returns whether the key was there. */
  remove(key: string): boolean {
    const there = this.heldAt(key) !== MISS
    this.#write(key, MISS)
    return there
  }

  /** Returns whether the key is there. */
  prolong(key: string, lifetime: Milliseconds): boolean {
    const entry = this.entry(key)
    const held = this.heldAt(key)
    if (held === MISS) return false
    const prolonged = { ...held, expiresAt: this.#clock.now() + lifetime, stamp: this.#stamp() }
    if (entry.fill) {
      entry.fill = { ...entry.fill, held: prolonged }
      return true
    }
    const onlyLifetime = entry.isUntouched || entry.onlyLifetime
    this.#change(key, prolonged, entry.judged)
    entry.onlyLifetime = onlyLifetime
    return true
  }

  /** Returns the sum. */
  add(key: string, by: number, lifetime: Milliseconds, tags: readonly string[]): number {
    const end = this.#clock.now() + lifetime
    const held = this.heldAt(key)
    const value = sumOf(key, held === MISS ? 0 : held.value, by)
    const expiresAt = held === MISS ? end : held.expiresAt
    this.#change(key, { value, expiresAt, stamp: this.#stamp() }, this.#judgedSum(key, by, end), tags)
    return value
  }

  /** Performs one write of an `apply`. */
  make(write: Write, kept: unknown, judged: Judged | undefined): void {
    const { key } = write
    if (write.op === 'delete') this.remove(key)
    else if (write.op === 'expire') this.prolong(key, write.lifetime)
    else if (write.lifetime !== 'keep') this.put(key, kept, write.lifetime, judged, write.tags)
    else this.#replace(key, kept, judged, write.tags)
  }

  /** Keeps the result of a load, to be stored after the commit. */
  fill(key: string, value: unknown, lifetime: Milliseconds, loading: Loading, tags: readonly string[]): void {
    const entry = this.entry(key)
    const held = { value, expiresAt: this.#clock.now() + lifetime, stamp: this.#stamp() }
    // Nothing would notice if others deleted the key before the commit. So the own write becomes a deletion: the key is
    // loaded again later.
    if (entry.own !== undefined) entry.write(MISS)
    entry.fill = { held, loading, tags }
  }

  /** How the commit depends on what the store held. After an own write of the key, a new write adds no dependency. */
  judged(key: string, judged: Judged): Judged | undefined {
    const entry = this.entry(key)
    return entry.isUntouched || entry.onlyLifetime ? judged : entry.judged
  }

  /** Adding several times is like adding the total once. */
  #judgedSum(key: string, by: number, endOfNew: Milliseconds): Judged | undefined {
    const { judged } = this.entry(key)
    if (judged?.what === 'sum') return { what: 'sum', by: judged.by + by, endOfNew }
    return this.judged(key, { what: 'sum', by, endOfNew })
  }

  /** Replaces a value, and keeps its lifetime and its tags. */
  #replace(key: string, value: unknown, judged: Judged | undefined, tags: readonly string[] | undefined): void {
    const held = this.heldAt(key)
    const stamp = this.#stamp()
    if (held === MISS) this.#write(key, { value, expiresAt: Number.POSITIVE_INFINITY, stamp }, judged, tags)
    else this.#change(key, { value, expiresAt: held.expiresAt, stamp }, judged)
  }

  #write(key: string, held: Held | Miss, judged?: Judged, tags?: readonly string[]): void {
    this.loadings.cancel(key)
    this.entry(key).write(held, judged, tags)
  }

  /** Replaces what a key holds, and keeps its tags. */
  #change(key: string, held: Held, judged: Judged | undefined, tags?: readonly string[]): void {
    this.loadings.cancel(key)
    this.entry(key).change(held, judged, tags)
  }

  /** A stamp that differs from every stamp of a store. */
  #stamp(): string {
    return `\0${++this.#stamps}`
  }
}
