import {
  type Awaitable,
  BackendError,
  BackendUnavailableError,
  type Call,
  isOvertaken,
  type Lease,
  leasesOf,
  MISS,
  type Milliseconds,
} from '@cashews/core'
import type { Entry } from './entry.ts'
import { TransactionConflictError, TransactionUnknownError } from './errors.ts'
import { heldFrom, lifetimeLeft, sumOf, writeOf } from './held.ts'
import { lockName } from './key-locks.ts'
import type { Change, Expected } from './step.ts'
import type { View } from './view.ts'
import type { ViewHost } from './view-host.ts'

/** The locks that a commit relies on. */
export interface HeldLocks {
  readonly token: string
  readonly keys: readonly string[]
}

/** How long it can be told that a commit has happened: longer than anybody asks. */
const REMEMBERED: Milliseconds = 10_000
/** How long a commit that was given up comes too late. */
const GIVEN_UP: Milliseconds = 60_000
/** How long a store that went away during a commit is asked for what became of it. */
const PATIENCE: Milliseconds = 2_000
/** A key that changes this often while it is added to is not busy: the store is broken. */
const MOST_TRIES = 100

/** What a transaction is about to commit in one part of one store, in one step. */
export class Part {
  readonly keys: readonly string[]
  readonly #view: View
  readonly #host: ViewHost
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #locks: HeldLocks | undefined

  constructor(view: View, host: ViewHost, entries: ReadonlyMap<string, Entry>, locks: HeldLocks | undefined) {
    this.#view = view
    this.#host = host
    this.#entries = entries
    this.#locks = locks
    this.keys = [...entries].filter(([, entry]) => entry.own !== undefined).map(([key]) => key)
  }

  /** Whether nothing is written, and nothing has to be checked. */
  get isEmpty(): boolean {
    return this.keys.length === 0 && this.#expectations().length === 0
  }

  /** Finds out whether all the commit relies on still holds. What it can mend by itself, it does not look at. */
  async validate(): Promise<void> {
    if (!this.#host.checksReads && !this.#locks) return
    if (!(await this.#apply(this.#expectations(), []))) throw this.#conflict()
  }

  /**
   * Writes all in one step, or nothing.
   *
   * @throws {TransactionConflictError} When what it relies on does not hold. Nothing was written.
   * @throws {BackendError} When the store refused, or could not be reached. Nothing was written.
   * @throws {TransactionUnknownError} When it cannot be known.
   */
  async commit(): Promise<void> {
    const { store } = this.#view
    leasesOf(store).breakAll(this.keys)
    for (let tries = 1; !(await this.#commitOnce()); tries++) {
      if (tries === MOST_TRIES) throw this.#conflict()
      await this.#judgeAnew()
    }
    leasesOf(store).breakAll(this.keys)
  }

  async #commitOnce(): Promise<boolean> {
    const now = this.#host.clock.now()
    const writes: Change[] = []
    for (const key of this.keys) {
      const entry = this.#entries.get(key) as Entry
      const { own = MISS, onlyLifetime } = entry
      writes.push(writeOf(key, own, now, onlyLifetime, await this.#tagsOf(key, entry)))
    }
    const unlocks = this.#locks?.keys.map((key): Change => ({ op: 'unlock', lock: lockName(key) })) ?? []
    return this.#applyOnce(this.#expectations(), [...writes, ...unlocks])
  }

  /** The tags that a key is to have. */
  async #tagsOf(key: string, { own, tags, keepsTags, onlyLifetime }: Entry): Promise<readonly string[]> {
    const { store, door } = this.#view
    const group = store.tags
    if (!group || !keepsTags || onlyLifetime || own === MISS) return tags
    const stored = await door.ask({ command: 'get', key, backend: store }, () => group.of(key), true)
    return stored === MISS ? tags : [...new Set([...stored, ...tags])]
  }

  /** Applies so that it can be found out afterwards whether it happened, if the store can be away. */
  async #applyOnce(expectations: readonly Expected[], writes: readonly Change[]): Promise<boolean> {
    const { store } = this.#view
    const [first] = this.keys
    if (!this.#view.mayBeAway || store.locks === false || first === undefined) return this.#apply(expectations, writes)
    const marker = `${first}\0commit:${crypto.randomUUID()}`
    let sent = false
    try {
      return await this.#apply(
        [...expectations, { lock: marker }],
        [...writes, { op: 'lock', lock: marker, token: 'committed', lifetime: REMEMBERED }],
        () => {
          sent = true
        },
      )
    } catch (error) {
      if (!sent || !(error instanceof BackendUnavailableError)) throw error
      if (await this.#hasCommitted(marker, error)) return true
      throw error
    }
  }

  /** Takes the marker, so that a commit still on its way comes too late; who cannot have it is told that it was there. */
  async #hasCommitted(marker: string, cause: unknown): Promise<boolean> {
    const { store, door } = this.#view
    const { locks } = store
    const end = performance.now() + PATIENCE
    for (let pause = 50; locks; pause *= 2) {
      try {
        const call: Call = { command: 'setLock', key: marker, token: '', lifetime: GIVEN_UP, backend: store }
        return !(await door.ask(call, () => locks.acquire(marker, 'rolled back', GIVEN_UP), true))
      } catch (error) {
        if (!(error instanceof BackendError) || performance.now() + pause > end) break
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
    throw new TransactionUnknownError(
      `${store.name} went away during a commit: ${this.keys.length} keys are all changed, or none.`,
      { cause },
    )
  }

  #apply(expectations: readonly Expected[], writes: readonly Change[], sent?: () => void): Awaitable<boolean> {
    const { store, door } = this.#view
    const call: Call = { command: 'setMany', entries: [], lifetime: 1, backend: store }
    return door.ask(
      call,
      () => {
        sent?.()
        return store.apply(expectations, writes)
      },
      true,
    )
  }

  #expectations(): Expected[] {
    const { checksReads } = this.#host
    const stamps = [...this.#entries].flatMap(([key, { seen, judged, isDropped }]): Expected[] => {
      if (seen === undefined || isDropped || !(checksReads || judged)) return []
      return [{ key, stamp: seen === MISS ? undefined : seen.stamp }]
    })
    const locks = this.#locks?.keys.map((key) => ({ lock: lockName(key), token: this.#locks?.token })) ?? []
    return [...locks, ...stamps]
  }

  /** Where only a sum or the presence of a key was taken for granted, a change need not matter. */
  async #judgeAnew(): Promise<void> {
    if (this.#host.checksReads || this.#locks) throw this.#conflict()
    for (const [key, entry] of this.#entries) {
      const { judged, seen } = entry
      if (judged === undefined || seen === undefined) continue
      const asked = this.#host.clock.now()
      const call: Call = { command: 'get', key, backend: this.#view.store }
      const now = heldFrom(await this.#view.door.ask(call, () => this.#view.store.inspect(key), true), asked)
      const isSame = now === MISS ? seen === MISS : seen !== MISS && seen.stamp === now.stamp
      if (isSame) continue
      if (judged.what === 'all' || (judged.what === 'presence' && (now === MISS) !== (seen === MISS)))
        throw this.#conflict()
      entry.seen = now
      if (judged.what === 'sum')
        entry.own = {
          value: sumOf(key, now, judged.by),
          expiresAt: now === MISS ? judged.endOfNew : now.expiresAt,
          stamp: 0,
        }
    }
  }

  #conflict(): TransactionConflictError {
    return new TransactionConflictError(
      this.#locks
        ? 'A lock of the transaction was lost: its timeout ran out. Nothing was written.'
        : 'Others changed what the transaction has read. Nothing was written.',
    )
  }
}

/** What was deleted otherwise than by key. */
export interface Gone {
  readonly patterns: readonly string[]
  readonly deleted: ReadonlySet<string>
  readonly expired: ReadonlySet<string>
}

/** All that a transaction is about to commit in one store. */
export class Pending {
  readonly view: View
  readonly #host: ViewHost
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #leases: ReadonlySet<Lease>
  readonly #gone: Gone

  constructor(view: View, entries: ReadonlyMap<string, Entry>, leases: ReadonlySet<Lease>, gone: Gone, host: ViewHost) {
    this.view = view
    this.#entries = entries
    this.#leases = leases
    this.#gone = gone
    this.#host = host
  }

  /** What can be written in one step each, in the order of their first keys. */
  parts(locks: HeldLocks | undefined): Part[] {
    const groups = new Map<string | number, [Map<string, Entry>, string[]]>()
    const groupOf = (key: string) => {
      const part = this.view.placement.partOf(key)
      const group: [Map<string, Entry>, string[]] = groups.get(part) ?? [new Map(), []]
      groups.set(part, group)
      return group
    }
    for (const [key, entry] of this.#entries) groupOf(key)[0].set(key, entry)
    for (const key of locks?.keys ?? []) groupOf(key)[1].push(key)
    return [...groups.values()]
      .map(
        ([entries, keys]) =>
          new Part(this.view, this.#host, entries, locks && keys.length > 0 ? { ...locks, keys } : undefined),
      )
      .filter((part) => !part.isEmpty)
  }

  get dropsTags(): boolean {
    return this.#gone.deleted.size + this.#gone.expired.size > 0
  }

  /**
   * Makes what is under the tags absent that were deleted. A step of its own, before the writes: what they put under such
   * a tag stays.
   */
  async dropTags(): Promise<void> {
    const { store, door } = this.view
    const { tags: own } = store
    if (!own) return
    const drop = async (command: 'deleteTags' | 'expireTags', names: ReadonlySet<string>): Promise<void> => {
      if (names.size === 0) return
      const tags = [...names]
      const call = { command, tags, backend: store } as const
      leasesOf(store).breakFor(call)
      await door.ask<unknown>(call, () => (command === 'deleteTags' ? own.delete(tags) : own.expire(tags)), true)
    }
    await drop('expireTags', this.#gone.expired)
    await drop('deleteTags', this.#gone.deleted)
  }

  /** Lets no load of this process store what it began before keys were deleted by pattern. */
  breakMatches(): void {
    const { store } = this.view
    for (const pattern of this.#gone.patterns)
      leasesOf(store).breakFor({ command: 'deleteMatch', pattern, backend: store })
  }

  /** Stores what cached functions have answered, unless it was invalidated meanwhile. What goes wrong is reported. */
  async storeFills(): Promise<void> {
    const { store, door } = this.view
    const now = this.#host.clock.now()
    const storing = [...this.#entries].map(async ([key, { fill }]) => {
      if (fill === undefined || isOvertaken(fill.loading.lease) || fill.held.expiresAt <= now) return
      const { token, lease } = fill.loading
      const { leases, tags: group } = store
      const { tags } = fill
      const { value } = fill.held
      const lifetime = lifetimeLeft(fill.held, now)
      leasesOf(store).breakOlder(lease)
      await door.ask({ command: 'set', key, value, lifetime, backend: store }, () =>
        leases && token !== undefined
          ? leases.set(key, value, lifetime, token, tags)
          : group && tags.length > 0
            ? group.set(key, value, lifetime, tags, { proof: token })
            : store.set(key, value, lifetime),
      )
    })
    for (const { status, ...ended } of await Promise.allSettled(storing))
      if (status === 'rejected') door.report((ended as PromiseRejectedResult).reason)
  }

  end(): void {
    for (const lease of this.#leases) lease.drop()
  }
}
