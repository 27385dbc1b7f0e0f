import {
  type Awaitable,
  all,
  type Backend,
  type BackendBase,
  type Call,
  type Clock,
  chain,
  compileGlob,
  completeBackend,
  contentOf,
  type Door,
  type Expectation,
  type KindWrite,
  Lease,
  type LockExpectation,
  type Locks,
  leasesOf,
  MISS,
  type Milliseconds,
  type Miss,
  NotSupportedError,
  type Snapshot,
  sizeOf,
  type Tags,
  type TagsAhead,
  type Write,
} from '@cashews/core'
import { Entry, type Judged } from './entry.ts'
import { CrossSlotError } from './errors.ts'
import { copyOf, type Held, heldFrom, lifetimeLeft, sumOf } from './held.ts'
import type { Loading } from './loading.ts'
import { Pending } from './pending.ts'
import { tagsView } from './tags-view.ts'

/** What a view asks of its transaction. */
export interface ViewHost {
  readonly clock: Clock
  /** Whether what was read stays as it was read: until the end it is locked, or checked. */
  readonly remembers: boolean
  /** Whether the commit checks all that was read. */
  readonly checksReads: boolean
  readonly allowsRanges: boolean
  readonly allowsSlots: boolean
  /**
   * Makes sure that the transaction goes on, and locks the keys if that is its mode.
   *
   * @param inspects Whether it is asked next what they hold.
   */
  claim(view: View, keys: readonly string[], inspects?: boolean): Awaitable<void>
  /** @throws When the transaction is over or doomed. */
  check(): void
}

export type Expected = Expectation | LockExpectation
export type Change = Write | KindWrite

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
  readonly #host: ViewHost
  readonly #clock: Clock
  #entries = new Map<string, Entry>()
  /** What keys held when they were locked, until they are looked at. */
  readonly #learnt = new Map<string, { readonly found: Snapshot | Miss; readonly asked: number }>()
  readonly #loadings = new Map<string, Map<string, Loading>>()
  /** Those that loads inside have taken of the store. */
  #leases = new Set<Lease>()
  /** The tags that were deleted, and those that expired. */
  #deleted = new Set<string>()
  #expired = new Set<string>()
  /** What was deleted by pattern. */
  #patterns: string[] = []
  #stamps = 0
  #part: string | number | undefined

  readonly locks: Locks | false
  readonly bits?: false
  readonly windows?: false
  readonly sets?: false
  readonly tags: Tags | false

  /** @param around The view that this one stands before, in a transaction inside another one. */
  constructor(door: Door, host: ViewHost, around?: View) {
    this.door = door
    this.store = door.backend
    this.around = around
    this.mayBeAway = this.store.guard !== undefined && !around
    this.name = this.store.name
    this.locks = this.store.locks && withoutLooks(this.store.locks)
    this.tags = this.store.tags ? tagsView(this, this.store.tags) : false
    if (this.store.bits === false) this.bits = false
    if (this.store.windows === false) this.windows = false
    if (this.store.sets === false) this.sets = false
    this.#host = host
    this.#clock = host.clock
    const whole = completeBackend(this)
    this.backend = {
      ...whole,
      get: (key) => chain(this.#read(key), (value) => plain(value)),
      getMany: (keys) => chain(this.#readMany(keys), (values) => values.map(plain)),
    }
  }

  open(): void {}

  close(): void {}

  get(key: string): Awaitable<unknown> {
    return this.#look([key], () => this.#valueOf(key))
  }

  set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    exists?: boolean,
    tags?: readonly string[],
  ): Awaitable<boolean> {
    const kept = copyOf(value)
    if (exists === undefined) return this.#claim([key], () => this.#put(key, kept, lifetime, undefined, tags))
    return this.#look([key], () => {
      const entry = this.#entry(key)
      if (exists !== (entry.at(this.#clock.now()) !== MISS)) return false
      return this.#put(key, kept, lifetime, this.#judged(entry, { what: 'presence' }), tags)
    })
  }

  setMany(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    tags?: readonly string[],
  ): Awaitable<void> {
    const kept = entries.map(([key, value]) => [key, copyOf(value)] as const)
    return this.#claim(
      kept.map(([key]) => key),
      () => {
        for (const [key, value] of kept) this.#put(key, value, lifetime, undefined, tags)
      },
    )
  }

  delete(key: string): Awaitable<boolean> {
    return this.#look([key], () => this.#drop(key))
  }

  deleteMany(keys: readonly string[]): Awaitable<number> {
    return this.#look(keys, () => keys.filter((key) => this.#drop(key)).length)
  }

  async deleteMatch(pattern: string): Promise<number> {
    const keys: string[] = []
    for await (const key of this.scan(pattern, BATCH)) keys.push(key)
    const matches = compileGlob(pattern)
    for (const key of this.#loadings.keys()) if (matches(key)) this.#loadings.delete(key)
    for (const [key, entry] of this.#entries) if (matches(key)) entry.stale = MISS
    this.#patterns.push(pattern)
    return this.deleteMany(keys)
  }

  async clear(): Promise<void> {
    await this.deleteMatch('*')
  }

  incr(key: string, by: number, lifetime: Milliseconds): Awaitable<number> {
    return this.incrTagged(key, by, lifetime, [])
  }

  /** The same, of a key that is then under these tags too. */
  incrTagged(key: string, by: number, lifetime: Milliseconds, tags: readonly string[]): Awaitable<number> {
    return this.#look([key], () => {
      const now = this.#clock.now()
      const entry = this.#entry(key)
      const held = entry.at(now)
      const sum = sumOf(key, held, by)
      const expiresAt = held === MISS ? now + lifetime : held.expiresAt
      const before = entry.judged?.what === 'sum' ? entry.judged.by : 0
      const added = { what: 'sum', by: before + by, endOfNew: now + lifetime } as const
      const judged = entry.judged?.what === 'sum' ? added : this.#judged(entry, added)
      this.#change(key, { value: sum, expiresAt, stamp: this.#stamp() }, judged, tags)
      return sum
    })
  }

  expire(key: string, lifetime: Milliseconds): Awaitable<boolean> {
    return this.#look([key], () => this.#prolong(key, lifetime))
  }

  async *scan(pattern: string, batchSize: number): AsyncGenerator<string> {
    if (!this.#host.allowsRanges)
      throw new NotSupportedError(
        `A serializable transaction cannot look for "${pattern}": a key that appears meanwhile would go unnoticed. Name the keys, choose the mode 'locked', or allow it with phantoms: true.`,
      )
    await this.#host.claim(this, [])
    const matches = compileGlob(pattern)
    const own = [...this.#entries].filter(([, entry]) => !entry.isUntouched).map(([key]) => key)
    const skipped = new Set(own)
    const call: Call = { command: 'scan', pattern, batchSize, backend: this.store }
    for await (const key of this.door.askStream(call, () => this.store.scan(pattern, batchSize)))
      if (!skipped.has(key) && this.#entries.get(key)?.own !== MISS && !(await this.#isDropped(key, false))) yield key
    for (const key of own)
      if (matches(key) && (this.#entries.get(key)?.at(this.#clock.now()) ?? MISS) !== MISS) yield key
  }

  size(key: string): Awaitable<number> {
    return this.#look([key], () => {
      const entry = this.#entry(key)
      const held = entry.at(this.#clock.now())
      if (held === MISS) return 0
      return entry.isUntouched ? this.#ask('getSize', key, () => this.store.size(key)) : sizeOf([key, held.value])
    }) as Awaitable<number>
  }

  inspect(key: string): Awaitable<Snapshot | Miss> {
    return this.#look([key], () => {
      const now = this.#clock.now()
      const held = this.#entry(key).at(now)
      if (held === MISS) return MISS
      return { value: copyOf(held.value), timeLeft: lifetimeLeft(held, now), stamp: held.stamp }
    })
  }

  /** Locks are no part of a transaction: what is said of them is said to the store, at once. */
  apply(expectations: readonly Expected[], writes: readonly Change[]): Awaitable<boolean> {
    const ofKeys = expectations.filter((expected) => 'key' in expected)
    const ofLocks = expectations.filter((expected) => 'lock' in expected)
    const lockWrites = writes.filter((write) => 'lock' in write)
    const kept = writes.flatMap((write) => ('lock' in write ? [] : [write])) as readonly Write[]
    const values = kept.map((write) => (write.op === 'set' ? copyOf(write.value) : undefined))
    const keys = [...new Set([...ofKeys, ...kept].map(({ key }) => key))]
    const hold = () =>
      ofLocks.length + lockWrites.length > 0 ? this.store.apply(ofLocks, lockWrites) : (true as Awaitable<boolean>)
    return this.#look(keys, () => {
      if (!ofKeys.every(({ key, stamp }) => this.#stampOf(key) === stamp)) return false
      return chain(hold(), (held) => {
        if (!held) return false
        const expected = new Set(ofKeys.map(({ key }) => key))
        for (const key of expected) this.#entry(key).judged = this.#judged(this.#entry(key), { what: 'all' })
        for (const [at, write] of kept.entries())
          this.#make(write, values[at], expected.has(write.key) ? this.#entry(write.key).judged : undefined)
        return true
      })
    })
  }

  now(): Awaitable<number> {
    return this.store.now?.() ?? Date.now()
  }

  /** What a cached function reads and stores. It neither locks nor takes part: the truth is at its source. */
  readonly leases: NonNullable<Backend['leases']> = {
    get: (key, tags) =>
      chain(this.#host.claim(this, []), () => {
        const entry = this.#entries.get(key)
        if (entry?.isKnown) return this.#leased(key, entry.at(this.#clock.now()), tags)
        if (this.#host.checksReads || !this.#looksThrough)
          return this.#look([key], () => {
            const held = this.#entry(key).at(this.#clock.now())
            if (held !== MISS) return this.#leased(key, held, tags)
            this.#entries.delete(key)
            return chain(this.#take(key, tags), (lease) => ({ value: MISS, lease }))
          })
        const { leases } = this.store
        if (!leases)
          return chain(
            this.#ask<unknown>('get', key, () => this.store.get(key)),
            (value) => {
              if (value !== MISS) return { value }
              return chain(this.#take(key, tags), (lease) => ({ value, lease }))
            },
          )
        return chain(
          this.#ask('get', key, () => leases.get(key, tags)),
          (found) => {
            const { value, lease } = (found as unknown) === MISS ? { value: MISS, lease: undefined } : found
            return value === MISS ? { value, lease: this.#note(key, lease, tags) } : { value }
          },
        )
      }) as Awaitable<{ value: unknown; lease?: string }>,
    take: (key, tags) => chain(this.#host.claim(this, []), () => this.#take(key, tags)),
    set: (key, value, lifetime, lease, tags = []) => {
      const kept = copyOf(value)
      this.#host.check()
      const loading = this.#loadings.get(key)?.get(lease)
      if (loading === undefined) return false
      this.#yieldTo(key, lease)
      const entry = this.#entries.get(key) ?? this.#entry(key)
      const held = { value: kept, expiresAt: this.#clock.now() + lifetime, stamp: this.#stamp() }
      // Nothing would keep it from undoing what others delete before the commit: then the key is deleted, and loaded anew.
      if (entry.own !== undefined) entry.write(MISS)
      entry.fill = { held, loading, tags }
      return true
    },
    holds: (key, lease) => this.#loadings.get(key)?.has(lease) === true,
  }

  // What the transaction does with it

  /** Locks keys for a transaction inside this one. */
  claim(keys: readonly string[], inspects: boolean): Awaitable<void> {
    return this.#host.claim(this, keys, inspects)
  }

  /** Answers whom to tell what the store holds under a key that is being locked. */
  learning(key: string): (found: Snapshot | Miss) => void {
    const asked = this.#clock.now()
    return (found) => void this.#learnt.set(key, { found, asked })
  }

  /** Takes what is to be committed out of the view, which begins anew. */
  take(): Pending {
    this.#learnt.clear()
    const gone = { patterns: this.#patterns, deleted: this.#deleted, expired: this.#expired }
    const pending = new Pending(this, this.#entries, this.#leases, gone, this.#host)
    this.#entries = new Map()
    this.#leases = new Set()
    this.discard()
    return pending
  }

  /** Forgets all that was written and read. */
  discard(): void {
    for (const lease of this.#leases) lease.drop()
    this.#leases.clear()
    this.#entries.clear()
    this.#loadings.clear()
    this.#patterns = []
    this.#deleted = new Set()
    this.#expired = new Set()
    this.#part = undefined
  }

  /** Makes what is under the tags absent: at once here, in the store with the commit. */
  dropTags(tags: readonly string[], expired: boolean): Awaitable<void> {
    return this.#claim([], () => {
      for (const tag of tags) (expired ? this.#expired : this.#deleted).add(tag)
      this.#loadings.clear()
      const seen: string[] = []
      const written: string[] = []
      for (const [key, entry] of this.#entries) {
        if (!expired) entry.stale = MISS
        if ((entry.fill?.tags ?? entry.tags).some((tag) => tags.includes(tag))) this.#lose(entry, expired)
        else if (entry.isUntouched || entry.keepsTags) seen.push(key)
        else if (entry.seen !== undefined && entry.seen !== MISS) written.push(key)
      }
      const asked = all([...seen, ...written].map((key) => this.#isDropped(key, false)))
      return chain(asked, (dropped) => {
        for (const [at, key] of seen.entries()) if (dropped[at]) this.#lose(this.#entry(key), expired)
        // What was seen there ends with the tag, in the same commit: it would take itself for somebody who came between.
        for (const [at, key] of written.entries()) if (dropped[seen.length + at]) this.#entry(key).isDropped = true
      })
    })
  }

  #lose(entry: Entry, expired: boolean): void {
    const held = entry.at(this.#clock.now())
    entry.write(MISS)
    if (expired && held !== MISS) entry.stale = held.value
    entry.isDropped = true
  }

  /** The tags of a key. */
  tagsOf(key: string, own: Tags): Awaitable<readonly string[] | Miss> {
    return this.#look([key], () => {
      const entry = this.#entry(key)
      if (entry.at(this.#clock.now()) === MISS) return MISS
      const tags = entry.fill?.tags ?? entry.tags
      if (!entry.isUntouched && !entry.keepsTags) return tags
      return chain(
        this.#ask<readonly string[] | Miss>('get', key, () => own.of(key)),
        (stored) => (stored === MISS ? tags : [...new Set([...stored, ...tags])]),
      )
    })
  }

  /** What a key holds, or held before its tags expired. */
  stale(key: string, own: Tags): Awaitable<unknown> {
    return this.#claim([], () => {
      const entry = this.#entries.get(key)
      if (entry?.own === MISS && entry.stale !== MISS) return copyOf(entry.stale)
      if (entry?.isUntouched === false) return this.#read(key)
      return chain(this.#mayBeDropped(key, own), (dropped) =>
        dropped ? MISS : this.#ask<unknown>('get', key, () => own.stale(key)),
      )
    })
  }

  /** Whether a tag was deleted inside that a key has, or may have had before its own expired. */
  #mayBeDropped(key: string, own: Tags): Awaitable<boolean> {
    if (this.#deleted.size === 0) return false
    return chain(
      this.#ask<readonly string[] | Miss>('get', key, () => own.of(key)),
      (found) => found === MISS || found.some((tag) => this.#deleted.has(tag)),
    )
  }

  /** Which part of the store a key lives in. */
  partOf(key: string): string | number {
    return this.store.partOf?.(key) ?? 0
  }

  /** Keys, those together that live in one part of the store. */
  partsOf(keys: readonly string[]): readonly (readonly string[])[] {
    if (!this.store.partOf || keys.length === 0) return [keys]
    return [...Map.groupBy(keys, (key) => this.partOf(key)).values()]
  }

  // Reading

  #read(key: string): Awaitable<unknown> {
    if (!this.#looksThrough) return this.get(key)
    return this.#claim([], () => {
      const entry = this.#entries.get(key)
      return entry?.isKnown ? this.#valueOf(key) : this.#ask('get', key, () => this.store.get(key))
    })
  }

  #readMany(keys: readonly string[]): Awaitable<unknown[]> {
    if (!this.#looksThrough) return this.#look(keys, () => keys.map((key) => this.#valueOf(key)))
    return this.#claim([], () => {
      const asked = keys.filter((key) => !this.#entries.get(key)?.isKnown)
      if (asked.length === 0) return keys.map((key) => this.#valueOf(key))
      const call: Call = { command: 'getMany', keys: asked, backend: this.store }
      return chain(
        this.door.ask(call, () => this.store.getMany(asked)),
        (found) => {
          const values = new Map(asked.map((key, at) => [key, found[at]]))
          return keys.map((key) => (values.has(key) ? copyOf(found[asked.indexOf(key)]) : this.#valueOf(key)))
        },
      )
    })
  }

  #valueOf(key: string): unknown {
    const held = this.#entry(key).at(this.#clock.now())
    return held === MISS ? MISS : copyOf(held.value)
  }

  #stampOf(key: string): Held['stamp'] | undefined {
    const held = this.#entry(key).at(this.#clock.now())
    return held === MISS ? undefined : held.stamp
  }

  /** Runs `act`, in one step, when it is known what the keys hold. */
  #look<R>(keys: readonly string[], act: () => Awaitable<R>): Awaitable<R> {
    const load = () =>
      chain(all(keys.map((key) => this.#load(key))), (loaded) => {
        this.#host.check()
        // What another command has forgotten meanwhile.
        for (const [at, key] of keys.entries()) if (!this.#entries.has(key)) this.#entries.set(key, loaded[at] as Entry)
        const answer = act()
        if (!this.#host.remembers) this.#forget(keys)
        return answer
      })
    return this.#claim(keys, load, true)
  }

  #claim<R>(keys: readonly string[], act: () => Awaitable<R>, inspects = false): Awaitable<R> {
    if (this.store.partOf && !this.#host.allowsSlots) this.#stayInPart(keys)
    return chain(this.#host.claim(this, keys, inspects), () => {
      this.#host.check()
      return act()
    })
  }

  #load(key: string): Awaitable<Entry> {
    const known = this.#entries.get(key)
    if (known?.isKnown) return known
    const learnt = this.#learnt.get(key)
    this.#learnt.delete(key)
    const asked = learnt?.asked ?? this.#clock.now()
    return chain(learnt ? learnt.found : this.#ask('get', key, () => this.store.inspect(key)), (found) =>
      chain(this.#isDropped(key, found === MISS), (dropped) => {
        const entry = this.#entry(key)
        if (entry.seen === undefined) entry.isDropped = dropped
        entry.seen ??= dropped ? MISS : heldFrom(found, asked)
        return entry
      }),
    )
  }

  /** Whether what the store holds is under a tag that was deleted or expired inside. */
  #isDropped(key: string, isAbsent: boolean): Awaitable<boolean> {
    const { tags } = this.store
    if (isAbsent || !tags || this.#deleted.size + this.#expired.size === 0) return false
    return chain(
      this.#ask<readonly string[] | Miss>('get', key, () => tags.of(key)),
      // One that is gone by now may have been under them.
      (found) => found === MISS || found.some((tag) => this.#deleted.has(tag) || this.#expired.has(tag)),
    )
  }

  /** Whether reads may go straight to the store. */
  get #looksThrough(): boolean {
    return !this.#host.remembers && this.#deleted.size + this.#expired.size === 0
  }

  /** Looks anew next time, where nothing promises that it stays. */
  #forget(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.#entries.get(key)
      if (entry?.isUntouched && entry.judged === undefined) this.#entries.delete(key)
    }
  }

  #ask<T>(command: 'get' | 'getSize', key: string, perform: () => Awaitable<T>): Awaitable<T> {
    return this.door.ask({ command, key, backend: this.store }, perform)
  }

  // Writing

  #put(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    judged: Judged | undefined,
    tags: readonly string[] | undefined,
  ): true {
    this.#write(key, { value, expiresAt: this.#clock.now() + lifetime, stamp: this.#stamp() }, judged, tags)
    return true
  }

  #prolong(key: string, lifetime: Milliseconds): boolean {
    const now = this.#clock.now()
    const entry = this.#entry(key)
    const held = entry.at(now)
    if (held === MISS) return false
    if (entry.fill) {
      entry.fill = { ...entry.fill, held: { ...held, expiresAt: now + lifetime, stamp: this.#stamp() } }
      return true
    }
    const onlyLifetime = entry.isUntouched || entry.onlyLifetime
    this.#change(key, { ...held, expiresAt: now + lifetime, stamp: this.#stamp() }, entry.judged)
    entry.onlyLifetime = onlyLifetime
    return true
  }

  #drop(key: string): boolean {
    const there = this.#entry(key).at(this.#clock.now()) !== MISS
    this.#write(key, MISS)
    return there
  }

  #make(write: Write, kept: unknown, judged: Judged | undefined): void {
    if (write.op === 'delete') this.#drop(write.key)
    else if (write.op === 'expire') this.#prolong(write.key, write.lifetime)
    else {
      const now = this.#clock.now()
      const held = this.#entry(write.key).at(now)
      const ends = held === MISS ? Number.POSITIVE_INFINITY : held.expiresAt
      const stamp = this.#stamp()
      if (write.lifetime === 'keep' && held !== MISS)
        this.#change(write.key, { value: kept, expiresAt: ends, stamp }, judged)
      else {
        const expiresAt = write.lifetime === 'keep' ? ends : now + write.lifetime
        this.#write(write.key, { value: kept, expiresAt, stamp }, judged, write.tags)
      }
    }
  }

  #write(key: string, held: Held | Miss, judged?: Judged, tags?: readonly string[]): void {
    this.#loadings.delete(key)
    this.#entry(key).write(held, judged, tags)
  }

  /** Writes over what a key holds, which keeps its tags. */
  #change(key: string, held: Held, judged: Judged | undefined, tags?: readonly string[]): void {
    this.#loadings.delete(key)
    this.#entry(key).change(held, judged, tags)
  }

  /** How the commit is to depend on what the store held. It does not, where own writes stand before it. */
  #judged(entry: Entry, judged: Judged): Judged | undefined {
    return entry.isUntouched || entry.onlyLifetime ? judged : entry.judged
  }

  #entry(key: string): Entry {
    const found = this.#entries.get(key)
    if (found !== undefined) return found
    const entry = new Entry()
    this.#entries.set(key, entry)
    return entry
  }

  /** Different from every stamp of a store. */
  #stamp(): string {
    return `\0${++this.#stamps}`
  }

  #stayInPart(keys: readonly string[]): void {
    for (const key of keys) {
      const part = this.partOf(key)
      this.#part ??= part
      if (part !== this.#part)
        throw new CrossSlotError(
          `"${key}" does not live where the other keys of this transaction do, so that they cannot change in one step. Give them a hash tag, such as {user:1}:name, or say crossSlot: 'per-slot'.`,
        )
    }
  }

  // Loads

  #leased(key: string, held: Held | Miss, tags: TagsAhead | undefined): Awaitable<{ value: unknown; lease?: string }> {
    return held === MISS ? { value: MISS, lease: this.#note(key, undefined, tags) } : { value: copyOf(held.value) }
  }

  /** Takes the store's own proof that nobody invalidates the key during a load, if it has one. */
  #take(key: string, ahead: TagsAhead | undefined): Awaitable<string> {
    const { leases, tags } = this.store
    const prove = () => (leases ? leases.take(key, ahead) : ahead && tags ? tags.capture?.(ahead) : undefined)
    if (this.#entries.get(key)?.own !== undefined) return this.#note(key, undefined, ahead)
    return chain(this.#ask<unknown>('get', key, prove), (token) =>
      this.#note(key, typeof token === 'string' ? token : undefined, ahead),
    )
  }

  #note(key: string, token: string | undefined, tags: TagsAhead | undefined): string {
    const lease = new Lease(tags)
    leasesOf(this.store).take(key, lease)
    this.#leases.add(lease)
    const name = this.#stamp()
    const loadings = this.#loadings.get(key) ?? new Map<string, Loading>()
    this.#loadings.set(key, loadings.set(name, { lease, token }))
    return name
  }

  /** A load gives way to those that began after it: those before it store no more. */
  #yieldTo(key: string, lease: string): void {
    const loadings = this.#loadings.get(key)
    for (const earlier of loadings?.keys() ?? []) {
      loadings?.delete(earlier)
      if (earlier === lease) return
    }
  }
}

/** The locks of a store. What a key holds they do not tell, for they do not know what was written inside. */
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

/** Keys of another kind are a miss. */
function plain(value: unknown): unknown {
  return contentOf(value) === undefined ? value : MISS
}
