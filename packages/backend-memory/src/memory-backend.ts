import {
  type Awaitable,
  type Backend,
  BackendError,
  type BackendHost,
  type Bits,
  type Clock,
  compileGlob,
  type Expectation,
  type KindWrite,
  type LockExpectation,
  MISS,
  type Milliseconds,
  type Miss,
  type Moment,
  type RemovalReason,
  type Sets,
  type Snapshot,
  type Spot,
  type Tags,
  type Usage,
  type Windows,
  type Write,
  WrongTypeError,
} from '@cashews/core'
import { BitArray } from './bit-array.ts'
import { CELLS, type Cells, cellOf } from './cells.ts'
import { sumOf } from './counter.ts'
import { Deletions } from './deletions.ts'
import { EVICTION, type Eviction } from './eviction.ts'
import { Expiry } from './expiry.ts'
import { bytesOf, Cell, type Edited } from './held.ts'
import { type Isolation, refusal } from './isolation.ts'
import { MemoryLocks } from './memory-locks.ts'
import { LONGEST_MOMENT, Moments } from './moments.ts'
import { Raw } from './raw.ts'
import type { Recency } from './recency.ts'
import type { Ties } from './tag-book.ts'
import { TickingClock } from './ticking-clock.ts'

/** The options of `memory`, resolved. */
export interface MemorySettings {
  readonly size: number
  readonly maxBytes: number
  readonly isolation: Isolation
  readonly eviction: Eviction
  /** `Infinity`: no sweeping. */
  readonly checkInterval: Milliseconds
  readonly clock: Clock | undefined
}

/** An entry with less than this left to live is judged by the exact time, not by the remembered one. */
const NEAR: Milliseconds = 1_000

/** A lifetime from here on counts from the remembered time: that is wrong by no more than the event loop was blocked. */
const LONG: Milliseconds = 60_000

const FOREVER = Number.POSITIVE_INFINITY

/** A store in the memory of this process. Every member answers at once, but `deleteMatch` of many keys. */
export class MemoryBackend implements Backend {
  readonly name = 'memory'
  readonly #entries: Recency
  readonly #clock: TickingClock
  readonly #expiry: Expiry
  readonly #deletions: Deletions
  readonly #moments: Moments
  readonly #isolation: Isolation
  readonly #maxBytes: number
  /** Whether each value is answered as it is kept: none is copied, and no key of another kind was ever written. */
  #givesAll: boolean
  #host: BackendHost | undefined

  readonly locks: MemoryLocks

  constructor({ size, maxBytes, isolation, eviction, checkInterval, clock }: MemorySettings) {
    this.#entries = new EVICTION[eviction](size, maxBytes < FOREVER)
    this.#clock = new TickingClock(clock)
    this.#expiry = new Expiry(this.#entries, this.#clock, checkInterval, (pointer) => this.#remove(pointer, 'expired'))
    this.#deletions = new Deletions(this.#entries)
    this.#moments = new Moments(this.#entries, this.#clock)
    this.#isolation = isolation
    this.#givesAll = isolation.givesAll
    this.#maxBytes = maxBytes
    this.locks = new MemoryLocks(this.#clock)
  }

  open(host: BackendHost): void {
    this.#host = host
    this.#expiry.start()
  }

  close(): void {
    this.#expiry.stop()
    this.#clock.stop()
    this.#moments.stop()
    this.#entries.clear()
    this.locks.clear()
    this.#host = undefined
  }

  get(key: string, spot?: Spot): unknown {
    const pointer = spot === undefined ? this.#find(key) : this.#findAt(spot)
    if (pointer === undefined) return MISS
    this.#entries.use(pointer)
    return this.#valueAt(pointer)
  }

  getNow(key: string): unknown {
    return this.get(key)
  }

  answerNow(key: string, spot?: Spot): Promise<unknown> | undefined {
    const pointer = spot === undefined ? this.#find(key) : this.#findAt(spot)
    if (pointer === undefined) return undefined
    this.#entries.use(pointer)
    return this.#entries.promises?.[pointer] ?? this.#promiseAt(pointer)
  }

  momentNow(key: string): Moment | undefined {
    const left = this.timeLeft(key)
    return left === MISS || left > LONGEST_MOMENT ? this.#moments.now() : undefined
  }

  /** Where the entry of a key is, which the spot notes. */
  #findAt(spot: Spot): number | undefined {
    if (spot.store === this && this.#entries.K[spot.at] === spot.key)
      return this.#isAlive(spot.at) ? spot.at : undefined
    const found = this.#find(spot.key)
    if (found !== undefined) this.#note(spot, found)
    return found
  }

  #note(spot: Spot, pointer: number): void {
    spot.store = this
    spot.at = pointer
    spot.key = this.#entries.K[pointer] as string
  }

  /** A promise of a value, kept for the next reader if it needs no copy of its own. */
  #promiseAt(pointer: number): Promise<unknown> | undefined {
    const value = this.#valueAt(pointer)
    if (value === MISS) return undefined
    const promise = Promise.resolve(value)
    if (value === this.#entries.V[pointer]) this.#entries.promised()[pointer] = promise
    return promise
  }

  getMany(keys: readonly string[]): unknown[] {
    return keys.map((key) => this.get(key))
  }

  /** Of an entry with tags: the value with its ties. */
  getRaw(key: string): unknown {
    const pointer = this.#find(key)
    const ties = pointer === undefined ? undefined : this.#entries.ties?.[pointer]
    return ties === undefined ? this.get(key) : new Raw(this.get(key), ties, this.#entries.book.changes)
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean, ties?: Ties): boolean {
    const kept = this.#keep(key, value)
    if (exists !== undefined && exists !== this.exists(key)) return false
    const pointer = this.#entries.isPlain ? this.#entries.items.find(key) : this.#find(key)
    return this.#write(key, pointer, kept, lifetime, ties)
  }

  setMany(entries: readonly (readonly [key: string, value: unknown])[], lifetime: Milliseconds): void {
    for (const [key, value] of entries) this.set(key, value, lifetime)
  }

  setRaw(key: string, raw: unknown, lifetime: Milliseconds): boolean {
    if (!(raw instanceof Raw)) return this.set(key, raw, lifetime)
    return (
      raw.ties.hold(false) &&
      this.#entries.book.isCurrent(raw.ties, raw.at) &&
      this.set(key, raw.value, lifetime, undefined, raw.ties)
    )
  }

  delete(key: string): boolean {
    const pointer = this.#find(key)
    const kept = pointer ?? this.#findStale(key)
    if (kept !== undefined) this.#entries.drop(kept)
    return pointer !== undefined
  }

  deleteMany(keys: readonly string[]): number {
    return keys.filter((key) => this.delete(key)).length
  }

  /** Many keys are absent from the first moment on, and go in slices. */
  deleteMatch(pattern: string): Awaitable<number> {
    return this.#deletions.run(pattern, (pointer) => void this.#isAlive(pointer))
  }

  incr(key: string, by: number, lifetime: Milliseconds, spot?: Spot): number {
    const pointer = spot === undefined ? this.#find(key) : this.#findAt(spot)
    const sum = sumOf(key, pointer === undefined ? 0 : this.#entries.V[pointer], by)
    if (pointer === undefined) this.#mustWrite(key, pointer, sum, lifetime)
    else this.#entries.overwrite(pointer, sum)
    return sum
  }

  exists(key: string): boolean {
    return this.#find(key) !== undefined
  }

  expire(key: string, lifetime: Milliseconds): boolean {
    const pointer = this.#find(key)
    if (pointer === undefined) return false
    this.#entries.expiresAt[pointer] = this.#endOf(lifetime)
    this.#entries.touch(pointer)
    return true
  }

  timeLeft(key: string): Milliseconds | Miss {
    const now = this.#clock.precise()
    const pointer = this.#find(key)
    return pointer === undefined ? MISS : (this.#entries.expiresAt[pointer] as number) - now
  }

  /** Goes through the entries as they are at each step. Those inserted meanwhile are left out: they may have been seen. */
  *scan(pattern: string): Generator<string> {
    const matches = compileGlob(pattern)
    const { K, insertions } = this.#entries
    const stamps = this.#entries.stamped()
    for (let pointer = 0; pointer < K.length; pointer++) {
      const key = K[pointer]
      if (key === undefined || (stamps[pointer] as number) >= insertions + 1) continue
      if (matches(key) && this.#isAlive(pointer)) yield key
    }
  }

  /** Looks at every entry: a few milliseconds for a million. */
  count(): number {
    const now = this.#clock.precise()
    const { K, expiresAt } = this.#entries
    let alive = 0
    for (let pointer = 0; pointer < K.length; pointer++)
      if ((expiresAt[pointer] as number) > now && this.#isKept(pointer)) alive++
    return alive
  }

  usage(): Usage {
    const { size, totalBytes } = this.#entries
    return this.#maxBytes < FOREVER ? { entries: size, bytes: totalBytes } : { entries: size }
  }

  clear(): void {
    this.#entries.clear()
  }

  size(key: string): number {
    const pointer = this.#find(key)
    return pointer === undefined ? 0 : bytesOf(key, this.#entries.V[pointer])
  }

  ping(message: string): string {
    return message
  }

  inspect(key: string): Snapshot | Miss {
    const timeLeft = this.timeLeft(key)
    const pointer = this.#find(key)
    if (timeLeft === MISS || pointer === undefined) return MISS
    const stamp = this.#entries.stamped()[pointer] as number
    const held = this.#entries.V[pointer]
    const snapshot = { value: this.#valueAt(pointer), timeLeft, stamp }
    return held instanceof Cell ? { ...snapshot, content: held.content } : snapshot
  }

  apply(expectations: readonly (Expectation | LockExpectation)[], writes: readonly (Write | KindWrite)[]): boolean {
    if (!expectations.every((expected) => this.#holds(expected))) return false
    const kept = writes.map((write) => this.#keptOf(write))
    for (const [at, write] of writes.entries()) this.#make(write, kept[at])
    return true
  }

  #holds(expected: Expectation | LockExpectation): boolean {
    if ('lock' in expected) return this.locks.holder(expected.lock) === expected.token
    const pointer = this.#find(expected.key)
    return (pointer === undefined ? undefined : this.#entries.stamped()[pointer]) === expected.stamp
  }

  #keep(key: string, value: unknown): unknown {
    try {
      return this.#isolation.keep(value)
    } catch (error) {
      throw refusal(key, error)
    }
  }

  /** Throws for what cannot be kept, before anything is written. */
  #keptOf(write: Write | KindWrite): unknown {
    if (write.op === 'set') return this.#fitting(write.key, this.#keep(write.key, write.value))
    return write.op === 'put' ? this.#fitting(write.key, cellOf(write.content)) : undefined
  }

  #make(write: Write | KindWrite, kept: unknown): void {
    if (write.op === 'lock') this.locks.give(write.lock, write.token, write.lifetime)
    else if (write.op === 'unlock') this.locks.free(write.lock)
    else if (write.op === 'delete') this.delete(write.key)
    else if (write.op === 'expire') this.expire(write.key, write.lifetime)
    else {
      const { op, key, lifetime } = write
      if (op === 'put') this.#givesAll = false
      const pointer = this.#find(key)
      const ties = write.op === 'set' && write.tags ? this.#entries.book.tie(write.tags) : undefined
      this.#write(key, pointer, kept, lifetime === 'keep' ? undefined : lifetime, ties)
    }
  }

  readonly tags: Tags = {
    set: (key, value, lifetime, tags, { exists } = {}) =>
      this.set(key, value, lifetime, exists, this.#entries.book.tie(tags)),
    setMany: (entries, lifetime, tags) => {
      for (const [key, value] of entries) this.tags.set(key, value, lifetime, tags)
    },
    incr: (key, by, lifetime, tags) => {
      const sum = this.incr(key, by, lifetime)
      const { head, ties, book } = this.#entries
      this.#entries.tie(head, book.tie([...(ties?.[head]?.names ?? []), ...tags]))
      return sum
    },
    delete: (tags) => {
      for (const tag of tags) if (this.#entries.book.delete(tag)) this.#entries.doubtTies()
      // A pass is to come soon: it removes the entries that nobody will see again.
      if (!this.#entries.isPlain) this.#expiry.expect(this.#clock.now())
    },
    expire: (tags) => {
      for (const tag of tags) if (this.#entries.book.expire(tag)) this.#entries.doubtTies()
    },
    of: (key) => {
      const pointer = this.#find(key)
      return pointer === undefined ? MISS : (this.#entries.ties?.[pointer]?.names ?? [])
    },
    stale: (key) => {
      const pointer = this.#find(key) ?? this.#findStale(key)
      return pointer === undefined ? MISS : this.#valueAt(pointer)
    },
  }

  readonly bits: Bits = {
    get: (key, indexes, size) => this.#cell(key, this.#find(key), 'bits').fields(indexes, size),
    now: (key) => {
      const pointer = this.#find(key)
      const held = pointer === undefined ? undefined : this.#entries.V[pointer]
      if (!(held instanceof BitArray)) return undefined
      this.#entries.use(pointer as number)
      return held
    },
    incr: (key, indexes, size, by) =>
      this.#edit(key, 'bits', (bits) => [bits.add(indexes, size, by), indexes.length > 0]),
  }

  readonly windows: Windows = {
    incr: (key, slice) =>
      this.#edit(key, 'window', (window) => window.admit(slice, 'end' in slice ? slice.end : this.#clock.precise())),
  }

  readonly sets: Sets = {
    add: (key, members, lifetime) =>
      this.#edit(key, 'set', (set) => {
        const count = members.filter((member) => set.add(member)).length
        return [count, count > 0 || lifetime !== undefined, lifetime]
      }),
    remove: (key, members) =>
      this.#edit(key, 'set', (set) => {
        const removed = members.filter((member) => set.remove(member)).length
        return [removed, removed > 0]
      }),
    pop: (key, count) =>
      this.#edit(key, 'set', (set) => {
        const popped = set.pop(count)
        return [popped, popped.length > 0]
      }),
  }

  /** Changes what a key of another kind holds. */
  #edit<K extends keyof Cells, R>(key: string, kind: K, change: (cell: Cells[K]) => Edited<R>): R {
    const pointer = this.#find(key)
    const cell = this.#cell(key, pointer, kind)
    const [answer, isChanged, lifetime] = change(cell)
    if (isChanged && cell.isEmpty) this.delete(key)
    else if (isChanged) this.#mustWrite(key, pointer, cell, lifetime)
    return answer
  }

  /** What a key of another kind holds; a new one when it is absent. */
  #cell<K extends keyof Cells>(key: string, pointer: number | undefined, kind: K): Cells[K] {
    if (pointer === undefined) {
      this.#givesAll = false
      return new CELLS[kind]()
    }
    const held = this.#entries.V[pointer]
    if (!(held instanceof CELLS[kind])) throw new WrongTypeError(`Key "${key}" holds no ${kind}.`)
    this.#entries.use(pointer)
    return held
  }

  /** Where the entry of a key is. */
  #find(key: string): number | undefined {
    const pointer = this.#entries.items.find(key)
    return pointer === undefined || this.#isAlive(pointer) ? pointer : undefined
  }

  /** Removes what has expired. */
  #isAlive(pointer: number): boolean {
    const expiresAt = this.#entries.expiresAt[pointer] as number
    if (expiresAt - NEAR > this.#clock.now() || expiresAt > this.#clock.precise()) return this.#isKept(pointer)
    this.#remove(pointer, 'expired')
    return false
  }

  /** Whether an entry that has not expired is there: no deletion by a pattern concerns it, and its tags are as they were. */
  #isKept(pointer: number): boolean {
    if (this.#entries.isPlain) return true
    const isTied = this.#entries.isTied(pointer)
    if (!this.#deletions.concerns(pointer, isTied)) return isTied
    this.#entries.drop(pointer)
    return false
  }

  /** Where the entry is of a key that is absent only because a tag expired. */
  #findStale(key: string): number | undefined {
    return this.#entries.ties && this.#entries.items.find(key)
  }

  #valueAt(pointer: number): unknown {
    const kept = this.#entries.V[pointer]
    return this.#givesAll || typeof kept !== 'object' || kept === null ? kept : this.#isolation.give(kept)
  }

  /** When an entry with this lifetime ends, from now on. No pass will come later. */
  #endOf(lifetime: Milliseconds): number {
    const expiresAt = lifetime + (lifetime < LONG ? this.#clock.precise() : this.#clock.now())
    this.#expiry.expect(expiresAt)
    return expiresAt
  }

  /**
   * Writes what is kept, over the entry at `pointer` if there is one: without a `lifetime` that keeps its own, and without
   * `ties` its tags too. Answers whether there was room.
   */
  #write(
    key: string,
    pointer: number | undefined,
    kept: unknown,
    lifetime: Milliseconds | undefined,
    ties?: Ties,
  ): boolean {
    const entries = this.#entries
    const over = pointer ?? this.#findStale(key)
    const bytes = entries.bytes && bytesOf(key, kept)
    if (bytes !== undefined && bytes > this.#maxBytes) {
      // What the value would replace goes too, because it is out of date.
      if (over !== undefined) this.#remove(over, 'evicted')
      return false
    }
    const isAnew = lifetime !== undefined || pointer === undefined
    const expiresAt = isAnew ? this.#endOf(lifetime ?? FOREVER) : (entries.expiresAt[pointer] as number)
    const evicted = over === undefined ? entries.insert(key, kept) : entries.overwrite(over, kept)
    entries.expiresAt[entries.head] = expiresAt
    if (ties || (isAnew && entries.ties)) entries.tie(entries.head, ties)
    if (bytes !== undefined) this.#bound(bytes)
    if (evicted !== undefined) this.#host?.removed(evicted, 'evicted')
    return true
  }

  /** Notes what the entry at the head takes, and makes room for it. */
  #bound(bytes: number): void {
    const entries = this.#entries
    entries.measure(entries.head, bytes)
    while (entries.totalBytes > this.#maxBytes) this.#remove(entries.victim(), 'evicted')
  }

  /** What is kept and must not be too large. */
  #fitting(key: string, kept: unknown): unknown {
    if (this.#maxBytes < FOREVER && bytesOf(key, kept) > this.#maxBytes) throw this.#tooLarge(key)
    return kept
  }

  #mustWrite(key: string, pointer: number | undefined, kept: unknown, lifetime: Milliseconds | undefined): void {
    if (!this.#write(key, pointer, kept, lifetime)) throw this.#tooLarge(key)
  }

  #tooLarge(key: string): BackendError {
    return new BackendError(
      `The value of "${key}" would be larger than the whole store: maxBytes is ${this.#maxBytes}.`,
    )
  }

  #remove(pointer: number, reason: RemovalReason): void {
    const key = this.#entries.drop(pointer)
    this.#host?.removed(key, reason)
  }
}
