import {
  type Awaitable,
  type Backend,
  type BackendBase,
  type Call,
  chain,
  compileGlob,
  type Door,
  type Expectation,
  type Leases,
  type Locks,
  MISS,
  type Milliseconds,
  type Miss,
  NotSupportedError,
  type Snapshot,
  sizeOf,
  type Tags,
  type Write,
} from '@cashews/core'
import { Pending } from '../commit/pending.ts'
import { ask } from './ask.ts'
import { Draft } from './draft.ts'
import { DroppedTags } from './dropped-tags.ts'
import { copyOf, lifetimeLeft } from './held.ts'
import { Loadings } from './loadings.ts'
import { Placement } from './placement.ts'
import { Reader } from './reader.ts'
import type { Change, Expected } from './step.ts'
import { TagsView } from './tags-view.ts'
import { backendOf } from './view-backend.ts'
import type { ViewHost } from './view-host.ts'
import { ViewLeases } from './view-leases.ts'

const BATCH = 100

/**
 * A store as a transaction sees it: its own writes first, then what the store holds. What it writes stays here until
 * the commit. {@link View.backend} keeps the contract of backends.
 */
export class View implements BackendBase {
  readonly name: string
  readonly store: Backend
  readonly door: Door
  readonly backend: Backend
  readonly around: View | undefined
  /** Whether the store can go away during a commit. */
  readonly mayBeAway: boolean
  readonly placement: Placement
  readonly reader: Reader
  readonly #host: ViewHost
  readonly #draft: Draft
  readonly #dropped: DroppedTags
  /** The patterns that were deleted. */
  #patterns: string[] = []

  readonly bits?: false
  readonly windows?: false
  readonly sets?: false
  #tags: Tags | undefined
  #leases: Leases | undefined

  /** @param around The view of the outer transaction, for an inner one. */
  constructor(door: Door, host: ViewHost, around?: View) {
    const { backend: store } = door
    this.door = door
    this.store = store
    this.around = around
    this.mayBeAway = store.guard !== undefined && !around
    this.name = store.name
    this.placement = new Placement(store, host.allowsSlots)
    this.#host = host
    this.#draft = new Draft(host.clock, new Loadings(store))
    this.#dropped = new DroppedTags(door, host.readsMatter)
    this.reader = new Reader(this, host, this.#draft, this.#dropped)
    for (const kind of ['bits', 'windows', 'sets'] as const) if (store[kind] === false) this[kind] = false
    this.backend = backendOf(this)
  }

  get locks(): Locks | false {
    return this.store.locks && withoutLooks(this.store.locks)
  }

  get tags(): Tags | false {
    if (this.store.tags) this.#tags ??= new TagsView(this, this.store.tags, this.reader)
    return this.#tags ?? false
  }

  get leases(): Leases {
    this.#leases ??= new ViewLeases(this, this.#host, this.reader)
    return this.#leases
  }

  open(): void {}

  close(): void {}

  get(key: string): Awaitable<unknown> {
    return this.reader.look([key], () => this.#draft.valueAt(key))
  }

  set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    exists?: boolean,
    tags?: readonly string[],
  ): Awaitable<boolean> {
    const kept = copyOf(value)
    if (exists === undefined)
      return this.reader.claim([key], () => this.#draft.put(key, kept, lifetime, undefined, tags))
    return this.reader.look([key], () => {
      if (exists !== (this.#draft.heldAt(key) !== MISS)) return false
      return this.#draft.put(key, kept, lifetime, this.#draft.judged(key, { what: 'presence' }), tags)
    })
  }

  setMany(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    tags?: readonly string[],
  ): Awaitable<void> {
    const kept = entries.map(([key, value]) => [key, copyOf(value)] as const)
    const keys = kept.map(([key]) => key)
    return this.reader.claim(keys, () => {
      for (const [key, value] of kept) this.#draft.put(key, value, lifetime, undefined, tags)
    })
  }

  delete(key: string): Awaitable<boolean> {
    return this.reader.look([key], () => this.#draft.remove(key))
  }

  deleteMany(keys: readonly string[]): Awaitable<number> {
    return this.reader.look(keys, () => keys.filter((key) => this.#draft.remove(key)).length)
  }

  async deleteMatch(pattern: string): Promise<number> {
    const keys: string[] = []
    for await (const key of this.scan(pattern, BATCH)) keys.push(key)
    const matches = compileGlob(pattern)
    for (const [key, entry] of this.#draft) if (matches(key)) entry.stale = MISS
    this.#patterns.push(pattern)
    return this.deleteMany(keys)
  }

  async clear(): Promise<void> {
    this.#draft.loadings.cancelAll()
    await this.deleteMatch('*')
  }

  incr(key: string, by: number, lifetime: Milliseconds): Awaitable<number> {
    return this.incrTagged(key, by, lifetime, [])
  }

  /** The same, and adds tags to the key. */
  incrTagged(key: string, by: number, lifetime: Milliseconds, tags: readonly string[]): Awaitable<number> {
    return this.reader.look([key], () => this.#draft.add(key, by, lifetime, tags))
  }

  expire(key: string, lifetime: Milliseconds): Awaitable<boolean> {
    return this.reader.look([key], () => this.#draft.prolong(key, lifetime))
  }

  async *scan(pattern: string, batchSize: number): AsyncGenerator<string> {
    if (!this.#host.allowsRanges)
      throw new NotSupportedError(
        `A serializable transaction cannot look up "${pattern}": a key that appears meanwhile would go unnoticed. Name the keys, choose the mode 'locked', or allow it with phantoms: true.`,
      )
    await this.#host.claim(this, [])
    const own = [...this.#draft].filter(([, entry]) => !entry.isUntouched).map(([key]) => key)
    yield* this.#scanStored(pattern, batchSize, new Set(own))
    const matches = compileGlob(pattern)
    for (const key of own) if (matches(key) && this.#draft.heldAt(key) !== MISS) yield key
  }

  size(key: string): Awaitable<number> {
    return this.reader.look([key], (): Awaitable<number> => {
      const held = this.#draft.heldAt(key)
      if (held === MISS) return 0
      if (!this.#draft.entry(key).isUntouched) return sizeOf([key, held.value])
      return ask(this.door, 'getSize', key, () => this.store.size(key))
    })
  }

  inspect(key: string): Awaitable<Snapshot | Miss> {
    return this.reader.look([key], () => {
      const held = this.#draft.heldAt(key)
      if (held === MISS) return MISS
      const timeLeft = lifetimeLeft(held, this.#host.clock.now())
      return { value: copyOf(held.value), timeLeft, stamp: held.stamp }
    })
  }

  /** Locks take no part in a transaction: their conditions and writes go to the store at once. */
  apply(expectations: readonly Expected[], writes: readonly Change[]): Awaitable<boolean> {
    const ofLocks = expectations.filter((expected) => 'lock' in expected)
    const lockWrites = writes.filter((write) => 'lock' in write)
    const hold = (): Awaitable<boolean> =>
      ofLocks.length + lockWrites.length === 0 || this.store.apply(ofLocks, lockWrites)
    const ofKeys = expectations.filter((expected) => 'key' in expected)
    const kept = writes.flatMap((write) => ('lock' in write ? [] : [write])) as readonly Write[]
    return this.#applyToKeys(ofKeys, kept, hold)
  }

  now(): Awaitable<number> {
    return this.store.now?.() ?? Date.now()
  }

  // For the transaction

  /** Locks keys for an inner transaction. */
  claim(keys: readonly string[], inspects: boolean): Awaitable<void> {
    return this.#host.claim(this, keys, inspects)
  }

  /** Whether a key was among those deleted by pattern. It may have been written since. */
  hasDeleted(key: string): boolean {
    return this.#patterns.some((pattern) => compileGlob(pattern)(key))
  }

  /** Takes what is to be committed out of the view, which is empty afterwards. */
  take(): Pending {
    const { deleted, expired } = this.#dropped
    const gone = { patterns: this.#patterns, deleted, expired }
    const pending = new Pending(this, this.#draft.take(), this.#draft.loadings.take(), gone, this.#host)
    this.discard()
    return pending
  }

  /** Forgets everything that was written and read. */
  discard(): void {
    this.reader.beginAnew()
    this.#draft.take()
    this.#draft.loadings.discard()
    this.#dropped.forget()
    this.#patterns = []
    this.placement.forget()
  }

  /** The keys of the store that match, without those that the transaction has changed. */
  async *#scanStored(pattern: string, batchSize: number, own: ReadonlySet<string>): AsyncGenerator<string> {
    const call: Call = { command: 'scan', pattern, batchSize, backend: this.store }
    for await (const key of this.door.askStream(call, () => this.store.scan(pattern, batchSize))) {
      // A key may be deleted while others are yielded.
      const isGone = own.has(key) || this.#draft.find(key)?.own === MISS
      if (!isGone && !(await this.#dropped.reach(key))) yield key
    }
  }

  /** @param hold Applies conditions and writes on locks, once the keys are as expected. */
  #applyToKeys(
    expectations: readonly Expectation[],
    writes: readonly Write[],
    hold: () => Awaitable<boolean>,
  ): Awaitable<boolean> {
    const values = writes.map((write) => (write.op === 'set' ? copyOf(write.value) : undefined))
    const expected = new Set(expectations.map(({ key }) => key))
    const keys = new Set([...expected, ...writes.map(({ key }) => key)])
    return this.reader.look([...keys], () => {
      if (!expectations.every(({ key, stamp }) => this.#draft.stampAt(key) === stamp)) return false
      return chain(hold(), (isHeld) => {
        if (!isHeld) return false
        for (const key of expected) this.#draft.entry(key).judged = this.#draft.judged(key, { what: 'all' })
        for (const [at, write] of writes.entries()) {
          const judged = expected.has(write.key) ? this.#draft.entry(write.key).judged : undefined
          this.#draft.make(write, values[at], judged)
        }
        return true
      })
    })
  }
}

/** The locks of a store, without `acquireAndInspect`: it would not see what was written inside. */
function withoutLooks(locks: Locks): Locks {
  const { released } = locks
  return {
    acquire: (...lock) => locks.acquire(...lock),
    extend: (...lock) => locks.extend(...lock),
    release: (...lock) => locks.release(...lock),
    isLocked: (key) => locks.isLocked(key),
    ...(released && { released: (key, atMost) => released.call(locks, key, atMost) }),
  }
}
