import {
  type Asker,
  type Backend,
  type BackendBase,
  type BackendHost,
  type Expectation,
  type Leases,
  type Locks,
  MISS,
  type Milliseconds,
  type Miss,
  type Snapshot,
  type Spot,
  type Tags,
  type Usage,
  type Write,
} from '../../backend.ts'
import { type Awaitable, all, chain, recover } from '../../basics/awaitable.ts'
import { WrongTypeError } from '../../errors.ts'
import { isLockKey } from '../locks.ts'
import { deleteEach, getAll } from '../members.ts'
import { countScanned, deleteScanned, reachesAside, visitScanned } from '../scanned.ts'
import { nextTry, update } from '../update.ts'
import { isRecordKey } from './tag-record.ts'
import { TagRecords, type TagStore } from './tag-records.ts'
import type { TagSteps } from './tag-steps.ts'
import { TaggedApply } from './tagged-apply.ts'
import { kindsOver } from './tagged-kinds.ts'
import { TaggedLeases } from './tagged-leases.ts'
import { TaggedReads } from './tagged-reads.ts'
import { tagsOver } from './tagged-tags.ts'

/** A store, and possibly what it can do in one step with values and the records of their tags. */
export type TaggableBase = BackendBase &
  Partial<Backend> & {
    readonly tagSteps?: TagSteps
    /**
     * Deletes keys, each of which is named once, and answers the values of those that were there: `undefined` for what cannot be
     * read. For a store whose deletions may overtake reads.
     */
    takeMany?(keys: readonly string[]): Awaitable<unknown[]>
  }

/**
 * Adds {@link Tags} to a store that knows only values: a value whose tags are gone is absent for every member.
 *
 * Only the value of a key shows whether the key is there, so every member has to look at it. Until this process uses tags, members
 * ask the base store directly instead.
 */
export class TaggedStore implements BackendBase {
  readonly name: string
  readonly tags: Tags
  readonly #base: TaggableBase
  readonly #records: TagRecords
  readonly #reads: TaggedReads
  readonly #apply: TaggedApply

  // Members that tags do not affect.
  readonly now?: () => Awaitable<number>
  readonly setMany?: Backend['setMany']
  readonly ping?: Backend['ping']
  readonly partOf?: (key: string) => string | number
  readonly usage?: () => Usage
  readonly guard?: Exclude<Backend['guard'], undefined>
  readonly locks?: Backend['locks']

  // Members that the store may have.
  readonly size?: Backend['size']
  readonly bits?: Backend['bits']
  readonly windows?: Backend['windows']
  readonly sets?: Backend['sets']
  readonly getNow?: (key: string) => unknown
  readonly answerNow?: (key: string, spot?: Spot) => Promise<unknown> | undefined
  readonly getFor?: (key: string, asker: Asker) => void
  readonly visit?: Exclude<Backend['visit'], undefined>
  readonly leases?: Leases

  /** @param store Where the records of the tags are kept. @default beside the values */
  constructor(base: TaggableBase, store?: TagStore) {
    this.name = base.name
    this.#base = base
    const steps = store ? undefined : base.tagSteps
    this.#records = new TagRecords(store ?? recordStoreOf(base), store !== undefined)
    this.#reads = new TaggedReads(base, this.#records, store, steps)
    this.#apply = new TaggedApply(base, this.#records, this.#reads)
    this.tags = tagsOver(base, this.#records, this.#reads, steps, (...how) => this.set(...how))
    if (store?.ping) this.ping = (message) => chain(store.ping?.(message), () => base.ping?.(message) ?? message)
    const untouched = ['now', 'setMany', 'guard', 'partOf', 'usage', ...(store?.ping ? [] : ['ping' as const])] as const
    for (const name of untouched) {
      const member = base[name]
      if (member) Object.assign(this, { [name]: member.bind(base) })
    }
    Object.assign(this, kindsOver(base, this.#reads))
    if (base.locks !== undefined) this.locks = base.locks && locksOver(base.locks, this.#reads)
    const { size } = base
    if (size)
      this.size = (key) => chain(!this.#reads.inUse || this.exists(key), (there) => (there ? size.call(base, key) : 0))
    if (base.getNow) this.getNow = (key) => this.#reads.getNow(key)
    if (base.answerNow) this.answerNow = (key, spot) => this.#reads.answerNow(key, spot)
    if (base.getFor) this.getFor = (key, asker) => this.#reads.getFor(key, asker)
    if (base.visit)
      this.visit = (pattern, batchSize, act) =>
        visitScanned(base, pattern, batchSize, (keys) => chain(this.#alive(keys), act))
    if (base.leases) this.leases = new TaggedLeases(base.leases, this.#records, this.#reads, steps)
  }

  open(host: BackendHost): Awaitable<void> {
    return this.#base.open({
      removed: (key, reason) => isRecordKey(key) || host.removed(key, reason),
      error: (error) => host.error(error),
    })
  }

  close(): Awaitable<void> {
    return this.#base.close()
  }

  get(key: string): Awaitable<unknown> {
    return this.#reads.get(key)
  }

  getMany(keys: readonly string[]): Awaitable<unknown[]> {
    return this.#reads.getMany(keys)
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean> {
    if (exists === undefined || !this.#reads.inUse) return this.#base.set(key, value, lifetime, exists)
    return update(this, key, (found) =>
      exists === (found !== MISS) ? [true, { op: 'set', key, value, lifetime }] : [false],
    )
  }

  delete(key: string): Awaitable<boolean> {
    if (!this.#reads.inUse) return this.#base.delete(key)
    const dead = this.#deadOnes(() => getAll(this.#base, [key]))
    return chain(this.#base.delete(key), (gone) => chain(dead, (dead) => gone && dead === 0))
  }

  deleteMany(keys: readonly string[]): Awaitable<number> {
    const { deleteMany, takeMany } = this.#base
    if (!deleteMany) return deleteEach(this, keys)
    if (!this.#reads.inUse) return deleteMany.call(this.#base, keys)
    const own = [...new Set(keys)]
    if (takeMany)
      return chain(takeMany.call(this.#base, own), (found) =>
        chain(
          this.#deadOnes(() => found),
          (dead) => found.length - dead,
        ),
      )
    const dead = this.#deadOnes(() => getAll(this.#base, own))
    return chain(deleteMany.call(this.#base, keys), (gone) => chain(dead, (dead) => Math.max(0, gone - dead)))
  }

  deleteMatch(pattern: string): Awaitable<number> {
    const leavesAside = pattern === '*' ? this.locks !== undefined : !reachesAside(pattern)
    if (!this.#reads.inUse && this.#base.deleteMatch && leavesAside) return this.#base.deleteMatch(pattern)
    return deleteScanned(this.#base, pattern, (keys) =>
      this.deleteMany(keys.filter((key) => !isRecordKey(key) && !isLockKey(key))),
    )
  }

  exists(key: string): Awaitable<boolean> {
    if (!this.#reads.inUse && this.#base.exists) return this.#base.exists(key)
    return chain(this.inspect(key), (found) => found !== MISS)
  }

  timeLeft(key: string): Awaitable<Milliseconds | Miss> {
    if (!this.#reads.inUse && this.#base.timeLeft) return this.#base.timeLeft(key)
    return chain(this.inspect(key), (found) => (found === MISS ? found : found.timeLeft))
  }

  count(): Awaitable<number> {
    return !this.#reads.inUse && this.#base.count ? this.#base.count() : countScanned(this)
  }

  incr(key: string, by: number, lifetime: Milliseconds): Awaitable<number> {
    return recover(
      () => this.#base.incr(key, by, lifetime),
      (error) =>
        chain(error instanceof WrongTypeError ? this.#base.get(key) : MISS, (found) => {
          if (!this.#reads.stampsOf(found)) throw error
          return this.tags.incr(key, by, lifetime, [])
        }),
    )
  }

  expire(key: string, lifetime: Milliseconds, tries = 1): Awaitable<boolean> {
    if (!this.#reads.inUse && this.#base.expire) return this.#base.expire(key, lifetime)
    return chain(this.#reads.look(key), ({ seen, found, stamps }) => {
      if (seen === MISS || found === MISS) return false
      return chain(this.#records.prolong(stamps, lifetime), () =>
        chain(
          this.#base.apply([{ key, stamp: found.stamp }], [{ op: 'expire', key, lifetime }]),
          (done) => done || this.expire(key, lifetime, nextTry(key, tries)),
        ),
      )
    })
  }

  async *scan(pattern: string, batchSize: number): AsyncGenerator<string> {
    for await (const keys of visitScanned(this.#base, pattern, batchSize, (keys) => this.#alive(keys))) yield* keys
  }

  async clear(): Promise<void> {
    if (this.locks !== undefined) return this.#base.clear()
    await deleteScanned(this.#base, '*', (keys) =>
      deleteEach(
        this.#base,
        keys.filter((key) => !isLockKey(key)),
      ),
    )
  }

  inspect(key: string): Awaitable<Snapshot | Miss> {
    return chain(this.#reads.look(key), ({ seen }) => seen)
  }

  apply(expectations: readonly Expectation[], writes: readonly Write[]): Awaitable<boolean> {
    return this.#apply.apply(expectations, writes)
  }

  /** What the store returns may be encoded, so the tags have to be read from the value. */
  getRaw(key: string): Awaitable<unknown> {
    const raw = () => (this.#base.getRaw ? this.#base.getRaw(key) : this.#base.get(key))
    if (!this.#reads.inUse) return raw()
    return chain(this.#reads.look(key), ({ found, seen }) => (found !== MISS && seen === MISS ? MISS : raw()))
  }

  setRaw(key: string, raw: unknown, lifetime: Milliseconds): Awaitable<boolean> {
    const { setRaw } = this.#base
    const written = setRaw ? setRaw.call(this.#base, key, raw, lifetime) : this.#base.set(key, raw, lifetime)
    if (!this.#reads.inUse) return written
    return chain(written, (done) =>
      chain(this.#reads.look(key), ({ found, seen, stamps }) => {
        if (found === MISS || seen !== MISS) return chain(this.#records.prolong(stamps, lifetime), () => done)
        return chain(this.#base.delete(key), () => false)
      }),
    )
  }

  /** The keys that are there for readers. */
  #alive(keys: readonly string[]): Awaitable<string[]> {
    const own = keys.filter((key) => !isRecordKey(key))
    if (!this.#reads.inUse) return own
    return chain(this.#areDead(getAll(this.#base, own)), (dead) => own.filter((_, at) => !dead[at]))
  }

  /**
   * How many values have tags that are gone. To delete them does not wait for it: a store that is slow to answer would
   * answer reads in between, and one that cannot read a value can delete it all the same.
   */
  #deadOnes(read: () => Awaitable<unknown[]>): Awaitable<number> {
    return recover(
      () => chain(this.#areDead(read()), (dead) => dead.filter(Boolean).length),
      () => 0,
    )
  }

  /** Which values have tags that are gone. A key of another kind is a miss, and there all the same. */
  #areDead(values: Awaitable<unknown[]>): Awaitable<boolean[]> {
    return chain(values, (found) => {
      const stamps = found.map((value) => this.#reads.stampsOf(value) ?? [])
      const tags = new Set(stamps.flatMap((each) => each.map(([tag]) => tag)))
      return chain(this.#records.find([...tags]), (known) =>
        all(stamps.map((each) => chain(this.#records.state(each, known), (state) => state !== 'fresh'))),
      )
    })
  }
}

/** Locks whose `acquireAndInspect` reports what a reader sees. */
function locksOver(locks: Locks, reads: TaggedReads): Locks {
  const { acquireAndInspect } = locks
  if (!acquireAndInspect) return locks
  return {
    ...locks,
    acquireAndInspect: (...lock) =>
      chain(acquireAndInspect(...lock), (found) =>
        found === undefined ? found : chain(reads.lookInto(found), ({ seen }) => seen),
      ),
  }
}

function recordStoreOf(base: TaggableBase): TagStore {
  const { getNow } = base
  return {
    ...(getNow && { getNow: (key) => getNow.call(base, key) }),
    getMany: (keys) => getAll(base, keys),
    set: (key, value, lifetime) => base.set(key, value, lifetime),
    delete: (key) => base.delete(key),
    inspect: (key) => base.inspect(key),
    apply: (expectations, writes) => base.apply(expectations, writes),
  }
}
