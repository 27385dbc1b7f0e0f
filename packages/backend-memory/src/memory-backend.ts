import {
  type Awaitable,
  type Backend,
  type BackendHost,
  type Bits,
  compileGlob,
  type Expectation,
  type KindWrite,
  type LockExpectation,
  MISS,
  type Milliseconds,
  type Miss,
  type Moment,
  type Sets,
  type Snapshot,
  type Spot,
  sumOf,
  type Tags,
  type Usage,
  type Windows,
  type Write,
} from '@cashews/core'
import { LiveEntries, type MemorySettings } from './entries/live-entries.ts'
import { LONGEST_MOMENT, Moments } from './entries/moments.ts'
import { Raw } from './entries/raw.ts'
import type { Recency } from './entries/recency.ts'
import type { Ties } from './entries/tag-book.ts'
import { cellOf } from './kinds/cells.ts'
import { kindsIn } from './kinds/memory-kinds.ts'
import { MemoryLocks } from './kinds/memory-locks.ts'
import { bytesOf, Cell } from './values/held.ts'

/** A store in the memory of this process. Every member is synchronous, except `deleteMatch` of many keys. */
export class MemoryBackend implements Backend {
  readonly name = 'memory'
  declare readonly bits: Bits
  declare readonly windows: Windows
  declare readonly sets: Sets
  readonly locks: MemoryLocks
  readonly #live: LiveEntries
  readonly #entries: Recency
  readonly #moments: Moments
  #host: BackendHost | undefined

  constructor(settings: MemorySettings) {
    const live = new LiveEntries(settings, (key, reason) => this.#host?.removed(key, reason))
    Object.assign(this, kindsIn(live))
    this.locks = new MemoryLocks(live.clock)
    this.#live = live
    this.#entries = live.all
    this.#moments = new Moments(live.all, live.clock)
  }

  open(host: BackendHost): void {
    this.#host = host
    this.#live.expiry.start()
  }

  close(): void {
    this.#live.expiry.stop()
    this.#live.clock.stop()
    this.#moments.stop()
    this.#entries.clear()
    this.locks.clear()
    this.#host = undefined
  }

  get(key: string, spot?: Spot): unknown {
    const pointer = this.#live.findAt(spot, key)
    if (pointer === undefined) return MISS
    this.#entries.use(pointer)
    return this.#live.valueAt(pointer)
  }

  getNow(key: string): unknown {
    return this.get(key)
  }

  answerNow(key: string, spot?: Spot): Promise<unknown> | undefined {
    const pointer = this.#live.findAt(spot, key)
    if (pointer === undefined) return undefined
    this.#entries.use(pointer)
    return this.#entries.promises?.[pointer] ?? this.#promiseAt(pointer)
  }

  momentNow(key: string): Moment | undefined {
    const left = this.timeLeft(key)
    return left === MISS || left > LONGEST_MOMENT ? this.#moments.now() : undefined
  }

  /** A promise of a value, which is kept for the next reader if readers need no copies. */
  #promiseAt(pointer: number): Promise<unknown> | undefined {
    const value = this.#live.valueAt(pointer)
    if (value === MISS) return undefined
    const promise = Promise.resolve(value)
    if (value === this.#entries.V[pointer]) this.#entries.promised()[pointer] = promise
    return promise
  }

  getMany(keys: readonly string[]): unknown[] {
    return keys.map((key) => this.get(key))
  }

  /** Returns the value; for an entry with tags, the value together with its ties. */
  getRaw(key: string): unknown {
    const pointer = this.#live.find(key)
    const ties = pointer === undefined ? undefined : this.#entries.ties?.[pointer]
    return ties === undefined ? this.get(key) : new Raw(this.get(key), ties, this.#entries.book.changes)
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean, ties?: Ties): boolean {
    const kept = this.#live.keep(key, value)
    if (exists !== undefined && exists !== this.exists(key)) return false
    const pointer = this.#entries.isPlain ? this.#entries.items.find(key) : this.#live.find(key)
    return this.#live.write(key, pointer, kept, lifetime, ties)
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
    return this.#live.delete(key)
  }

  deleteMany(keys: readonly string[]): number {
    return keys.filter((key) => this.delete(key)).length
  }

  /** All matching keys are absent at once. If they are many, they are removed in slices. */
  deleteMatch(pattern: string): Awaitable<number> {
    return this.#live.deletions.run(pattern, (pointer) => void this.#live.isAlive(pointer))
  }

  incr(key: string, by: number, lifetime: Milliseconds, spot?: Spot): number {
    const pointer = this.#live.findAt(spot, key)
    const sum = sumOf(key, pointer === undefined ? 0 : this.#entries.V[pointer], by)
    if (pointer === undefined) this.#live.mustWrite(key, pointer, sum, lifetime)
    else this.#entries.overwrite(pointer, sum)
    return sum
  }

  exists(key: string): boolean {
    return this.#live.find(key) !== undefined
  }

  expire(key: string, lifetime: Milliseconds): boolean {
    const pointer = this.#live.find(key)
    if (pointer === undefined) return false
    this.#entries.expiresAt[pointer] = this.#live.endOf(lifetime)
    this.#entries.touch(pointer)
    return true
  }

  timeLeft(key: string): Milliseconds | Miss {
    const now = this.#live.clock.precise()
    const pointer = this.#live.find(key)
    return pointer === undefined ? MISS : (this.#entries.expiresAt[pointer] as number) - now
  }

  /** Visits the entries as they are at each step. Those inserted meanwhile are skipped, as they may have been yielded before. */
  *scan(pattern: string): Generator<string> {
    const matches = compileGlob(pattern)
    const { K, insertions } = this.#entries
    const stamps = this.#entries.stamped()
    for (let pointer = 0; pointer < K.length; pointer++) {
      const key = K[pointer]
      if (key === undefined || (stamps[pointer] as number) >= insertions + 1) continue
      if (matches(key) && this.#live.isAlive(pointer)) yield key
    }
  }

  /** Visits every entry, which takes a few milliseconds for a million. */
  count(): number {
    const now = this.#live.clock.precise()
    const { K, expiresAt } = this.#entries
    let alive = 0
    for (let pointer = 0; pointer < K.length; pointer++)
      if ((expiresAt[pointer] as number) > now && this.#live.isKept(pointer)) alive++
    return alive
  }

  usage(): Usage {
    const { size, bytes, totalBytes } = this.#entries
    return bytes ? { entries: size, bytes: totalBytes } : { entries: size }
  }

  clear(): void {
    this.#entries.clear()
  }

  size(key: string): number {
    const pointer = this.#live.find(key)
    return pointer === undefined ? 0 : bytesOf(key, this.#entries.V[pointer])
  }

  ping(message: string): string {
    return message
  }

  inspect(key: string): Snapshot | Miss {
    const timeLeft = this.timeLeft(key)
    const pointer = this.#live.find(key)
    if (timeLeft === MISS || pointer === undefined) return MISS
    const stamp = this.#entries.stamped()[pointer] as number
    const held = this.#entries.V[pointer]
    const snapshot = { value: this.#live.valueAt(pointer), timeLeft, stamp }
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
    const pointer = this.#live.find(expected.key)
    return (pointer === undefined ? undefined : this.#entries.stamped()[pointer]) === expected.stamp
  }

  /** Converts the value of a write. Throws if it cannot be kept, before anything is written. */
  #keptOf(write: Write | KindWrite): unknown {
    if (write.op === 'set') return this.#live.fitting(write.key, this.#live.keep(write.key, write.value))
    return write.op === 'put' ? this.#live.fitting(write.key, cellOf(write.content)) : undefined
  }

  #make(write: Write | KindWrite, kept: unknown): void {
    if (write.op === 'lock') this.locks.give(write.lock, write.token, write.lifetime)
    else if (write.op === 'unlock') this.locks.free(write.lock)
    else if (write.op === 'delete') this.delete(write.key)
    else if (write.op === 'expire') this.expire(write.key, write.lifetime)
    else {
      const { op, key, lifetime } = write
      if (op === 'put') this.#live.givesAll = false
      const pointer = this.#live.find(key)
      const ties = write.op === 'set' && write.tags ? this.#entries.book.tie(write.tags) : undefined
      this.#live.write(key, pointer, kept, lifetime === 'keep' ? undefined : lifetime, ties)
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
      // Lets a pass follow soon, which removes the entries that nobody will see again.
      if (!this.#entries.isPlain) this.#live.expiry.expect(this.#live.clock.now())
    },
    expire: (tags) => {
      for (const tag of tags) if (this.#entries.book.expire(tag)) this.#entries.doubtTies()
    },
    of: (key) => {
      const pointer = this.#live.find(key)
      return pointer === undefined ? MISS : (this.#entries.ties?.[pointer]?.names ?? [])
    },
    stale: (key) => {
      const pointer = this.#live.find(key) ?? this.#live.findStale(key)
      return pointer === undefined ? MISS : this.#live.valueAt(pointer)
    },
  }
}
