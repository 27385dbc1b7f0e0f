import { BackendError, type Clock, deepCopy, type Milliseconds, type RemovalReason, type Spot } from '@cashews/core'
import { bytesOf, Held } from '../values/held.ts'
import { type Isolation, refusal } from '../values/isolation.ts'
import { Deletions } from './deletions.ts'
import { EVICTION, type Eviction } from './eviction.ts'
import { Expiry } from './expiry.ts'
import type { Recency } from './recency.ts'
import type { Ties } from './tag-book.ts'
import { TickingClock } from './ticking-clock.ts'

/** The options of `memory`, resolved. */
export interface MemorySettings {
  readonly size: number
  readonly maxBytes: number
  readonly isolation: Isolation
  readonly eviction: Eviction
  /** `Infinity`: expired entries are not removed unless somebody asks for them. */
  readonly checkInterval: Milliseconds
  readonly clock: Clock | undefined
}

/** An entry with less time left than this is checked against the exact time instead of the remembered one. */
const NEAR: Milliseconds = 1_000

/** A lifetime at least this long starts at the remembered time, which is off by no more than the event loop was blocked. */
const LONG: Milliseconds = 60_000

const FOREVER = Number.POSITIVE_INFINITY

/**
 * The entries of a memory store as readers see them: those that have not expired, that are not being deleted by a pattern, and
 * whose tags are unchanged. Keeps the entries within the bounds of the store.
 */
export class LiveEntries {
  readonly all: Recency
  readonly clock: TickingClock
  readonly expiry: Expiry
  readonly deletions: Deletions
  readonly #isolation: Isolation
  readonly #maxBytes: number
  readonly #removed: (key: string, reason: RemovalReason) => void
  /** Whether readers get every value as it is kept: nothing is copied, and no key of another kind was ever written. */
  givesAll: boolean

  /** @param removed Called with the keys that are evicted or expire. */
  constructor(settings: MemorySettings, removed: (key: string, reason: RemovalReason) => void) {
    const { size, maxBytes, isolation, eviction, checkInterval, clock } = settings
    this.all = new EVICTION[eviction](size, maxBytes < FOREVER)
    this.clock = new TickingClock(clock)
    this.expiry = new Expiry(this.all, this.clock, checkInterval, (pointer) => this.#remove(pointer, 'expired'))
    this.deletions = new Deletions(this.all)
    this.#isolation = isolation
    this.#maxBytes = maxBytes
    this.#removed = removed
    this.givesAll = !isolation.copies
  }

  /** The pointer of a key's entry; `undefined` if the key is absent. */
  find(key: string): number | undefined {
    const pointer = this.all.items.find(key)
    return pointer === undefined || this.isAlive(pointer) ? pointer : undefined
  }

  /** The same, by the spot of the key if it has one, which is updated. */
  findAt(spot: Spot | undefined, key: string): number | undefined {
    if (spot === undefined) return this.find(key)
    if (spot.store === this && this.all.K[spot.at] === spot.key) return this.isAlive(spot.at) ? spot.at : undefined
    const found = this.find(key)
    if (found !== undefined) this.#note(spot, found)
    return found
  }

  #note(spot: Spot, pointer: number): void {
    spot.store = this
    spot.at = pointer
    spot.key = this.all.K[pointer] as string
  }

  /** The pointer of an entry that may be absent only because one of its tags has expired. */
  findStale(key: string): number | undefined {
    return this.all.ties && this.all.items.find(key)
  }

  /** Whether readers see an entry. Removes it if it has expired. */
  isAlive(pointer: number): boolean {
    const expiresAt = this.all.expiresAt[pointer] as number
    if (expiresAt - NEAR > this.clock.now() || expiresAt > this.clock.precise()) return this.isKept(pointer)
    this.#remove(pointer, 'expired')
    return false
  }

  /** Whether readers see an entry that has not expired: it is not being deleted by a pattern, and its tags are unchanged. */
  isKept(pointer: number): boolean {
    if (this.all.isPlain) return true
    const isTied = this.all.isTied(pointer)
    if (!this.deletions.concerns(pointer, isTied)) return isTied
    this.all.drop(pointer)
    return false
  }

  /** Converts a value to what the store keeps. @throws {ValueError} When it cannot be kept. */
  keep(key: string, value: unknown): unknown {
    try {
      return this.#isolation.keep(value)
    } catch (error) {
      throw refusal(key, error)
    }
  }

  /** The value of an entry, as readers get it. */
  valueAt(pointer: number): unknown {
    const kept = this.all.V[pointer]
    if (this.givesAll || typeof kept !== 'object' || kept === null) return kept
    if (kept instanceof Held) return kept.read()
    return this.#isolation.copies ? deepCopy(kept) : kept
  }

  delete(key: string): boolean {
    const pointer = this.find(key)
    const kept = pointer ?? this.findStale(key)
    if (kept !== undefined) this.all.drop(kept)
    return pointer !== undefined
  }

  /** When a lifetime that begins now ends. The entry will be removed soon after that. */
  endOf(lifetime: Milliseconds): number {
    const expiresAt = lifetime + (lifetime < LONG ? this.clock.precise() : this.clock.now())
    this.expiry.expect(expiresAt)
    return expiresAt
  }

  /**
   * Writes an entry, or overwrites the one at `pointer`, which keeps its expiry and its tags if there is no `lifetime`.
   * Returns whether there was room.
   */
  write(
    key: string,
    pointer: number | undefined,
    kept: unknown,
    lifetime: Milliseconds | undefined,
    ties?: Ties,
  ): boolean {
    const entries = this.all
    const over = pointer ?? this.findStale(key)
    const bytes = entries.bytes && bytesOf(key, kept)
    if (bytes !== undefined && bytes > this.#maxBytes) {
      // The entry that it would have replaced is removed, because that one is out of date.
      if (over !== undefined) this.#remove(over, 'evicted')
      return false
    }
    const isAnew = lifetime !== undefined || pointer === undefined
    const expiresAt = isAnew ? this.endOf(lifetime ?? FOREVER) : (entries.expiresAt[pointer] as number)
    const evicted = over === undefined ? entries.insert(key, kept) : entries.overwrite(over, kept)
    entries.expiresAt[entries.head] = expiresAt
    if (ties || (isAnew && entries.ties)) entries.tie(entries.head, ties)
    if (bytes !== undefined) this.#bound(bytes)
    if (evicted !== undefined) this.#removed(evicted, 'evicted')
    return true
  }

  /** Records the size of the entry at the head, and evicts others to make room for it. */
  #bound(bytes: number): void {
    const entries = this.all
    entries.measure(entries.head, bytes)
    while (entries.totalBytes > this.#maxBytes) this.#remove(entries.victim(), 'evicted')
  }

  mustWrite(key: string, pointer: number | undefined, kept: unknown, lifetime: Milliseconds | undefined): void {
    if (!this.write(key, pointer, kept, lifetime)) throw this.#tooLarge(key)
  }

  /** Returns what is to be kept, if it fits. @throws {BackendError} When it is larger than the whole store. */
  fitting(key: string, kept: unknown): unknown {
    if (this.#maxBytes < FOREVER && bytesOf(key, kept) > this.#maxBytes) throw this.#tooLarge(key)
    return kept
  }

  #tooLarge(key: string): BackendError {
    return new BackendError(
      `The value of "${key}" would be larger than the whole store: maxBytes is ${this.#maxBytes}.`,
    )
  }

  #remove(pointer: number, reason: RemovalReason): void {
    this.#removed(this.all.drop(pointer), reason)
  }
}
