import { type Awaitable, all, chain, leasesOf, MISS, type Miss, type Snapshot, sumOf } from '@cashews/core'
import { TransactionConflictError } from '../errors.ts'
import { lockName } from '../locks/key-locks.ts'
import { ask } from '../view/ask.ts'
import type { Entry } from '../view/entry.ts'
import { type Held, heldFrom, writeOf } from '../view/held.ts'
import type { Change, Expected } from '../view/step.ts'
import type { View } from '../view/view.ts'
import type { ViewHost } from '../view/view-host.ts'
import { apply, applyForCertain } from './certain-apply.ts'

/** The locks that a commit depends on. */
export interface HeldLocks {
  readonly token: string
  readonly keys: readonly string[]
}

/** A key that changed this often while it was added to is not contended: the store is broken. */
const MOST_TRIES = 100

/** What a transaction commits in one step: its keys in one part of one store. */
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

  /** Whether there is nothing to write and nothing to check. */
  get isEmpty(): boolean {
    return this.keys.length === 0 && !this.#locks && this.#expectations().length === 0
  }

  /** Checks that what the commit depends on still holds, except for what {@link commit} can resolve by itself. */
  async validate(): Promise<void> {
    if (!this.#host.checksReads) return this.#validateLocks()
    if (!(await apply(this.#view.door, this.#expectations('expectedWithTags'), []))) throw conflict()
  }

  /**
   * Writes everything in one step, or nothing.
   *
   * @throws {TransactionConflictError} When what it depends on has changed. Nothing was written.
   * @throws {BackendError} When the store refused, or could not be reached. Nothing was written.
   * @throws {TransactionUnknownError} When the outcome cannot be known.
   */
  async commit(): Promise<void> {
    const { store } = this.#view
    leasesOf(store).breakAll(this.keys)
    for (let tries = 1; !(await this.#commitOnce()); tries++) {
      if (tries === MOST_TRIES) throw conflict()
      await this.#judgeAnew()
    }
    leasesOf(store).breakAll(this.keys)
  }

  async #commitOnce(): Promise<boolean> {
    const now = this.#host.clock.now()
    const writes = this.keys.map((key): Awaitable<Change> => {
      const entry = this.#entries.get(key) as Entry
      const { own = MISS, onlyLifetime } = entry
      return chain(this.#tagsOf(key, entry), (tags) => writeOf(key, own, now, onlyLifetime, tags))
    })
    const unlocks = this.#locks?.keys.map((key): Change => ({ op: 'unlock', lock: lockName(key) })) ?? []
    return this.#applyOnce(this.#expectations(), [...(await all(writes)), ...unlocks])
  }

  /** The tags to write a key with. */
  #tagsOf(key: string, { own, tags, keepsTags, onlyLifetime }: Entry): Awaitable<readonly string[]> {
    const { store, door } = this.#view
    const group = store.tags
    if (!group || !keepsTags || onlyLifetime || own === MISS) return tags
    const stored = ask<readonly string[] | Miss>(door, 'get', key, () => group.of(key), true)
    return chain(stored, (stored) => (stored === MISS ? tags : [...new Set([...stored, ...tags])]))
  }

  #applyOnce(expectations: readonly Expected[], writes: readonly Change[]): Awaitable<boolean> {
    const { door, mayBeAway, store } = this.#view
    const [first, ...others] = this.keys
    if (!mayBeAway || store.locks === false || first === undefined) return apply(door, expectations, writes)
    return applyForCertain(door, [first, ...others], expectations, writes)
  }

  #expectations(which: 'expected' | 'expectedWithTags' = 'expected'): Expected[] {
    const { checksReads } = this.#host
    const stamps = [...this.#entries].flatMap(([key, { [which]: expected, judged }]): Expected[] =>
      expected === undefined || !(checksReads || judged) ? [] : [{ key, stamp: stampOf(expected) }],
    )
    return [...this.#lockExpectations(), ...stamps]
  }

  #lockExpectations(): Expected[] {
    return this.#locks?.keys.map((key) => ({ lock: lockName(key), token: this.#locks?.token })) ?? []
  }

  async #validateLocks(): Promise<void> {
    const locks = this.#lockExpectations()
    if (locks.length === 0 || (await apply(this.#view.door, locks, []))) return
    throw conflict('A lock of the transaction was lost: its timeout ran out.')
  }

  /** Checks what has changed: it need not matter where only a sum or the presence of a key was assumed. */
  async #judgeAnew(): Promise<void> {
    if (this.#host.checksReads) throw conflict()
    await this.#validateLocks()
    for (const [key, entry] of this.#entries) await this.#judgeEntryAnew(key, entry)
  }

  async #judgeEntryAnew(key: string, entry: Entry): Promise<void> {
    const { judged, expected } = entry
    if (judged === undefined || expected === undefined) return
    const { door, store } = this.#view
    const asked = this.#host.clock.now()
    const now = heldFrom(await ask<Snapshot | Miss>(door, 'get', key, () => store.inspect(key), true), asked)
    if (stampOf(now) === stampOf(expected)) return
    const hasComeOrGone = (now === MISS) !== (expected === MISS)
    if (judged.what === 'all' || (judged.what === 'presence' && hasComeOrGone)) throw conflict()
    entry.seen = now
    entry.isDropped = false
    if (judged.what !== 'sum') return
    const expiresAt = now === MISS ? judged.endOfNew : now.expiresAt
    entry.own = { value: sumOf(key, now === MISS ? 0 : now.value, judged.by), expiresAt, stamp: 0 }
  }
}

function conflict(why = 'Others changed what the transaction has read.'): TransactionConflictError {
  return new TransactionConflictError(`${why} Nothing was written.`)
}

function stampOf(held: Held | Miss): Held['stamp'] | undefined {
  return held === MISS ? undefined : held.stamp
}
