import { type Awaitable, all, chain, isPending, recover } from '../awaitable.ts'
import {
  type Asker,
  type Backend,
  type BackendBase,
  type BackendHost,
  type Expectation,
  type Leased,
  type Leases,
  type Locks,
  MISS,
  type Milliseconds,
  type Miss,
  type Snapshot,
  type Spot,
  type Stamp,
  type Tags,
  type TagsAhead,
  type Write,
} from '../backend.ts'
import { batches } from '../batches.ts'
import { BackendError, CommandError, WrongTypeError } from '../errors.ts'
import { withoutKeeping } from './kept-lifetimes.ts'
import { isLockKey } from './locks.ts'
import { RecentTags } from './recent-tags.ts'
import {
  type Reading,
  type ReadingAsker,
  type ReadingOf,
  StepReading,
  tell,
  Unpacking,
  Valuing,
} from './tag-reading.ts'
import { isRecordKey, type Known, margin, newStamp, recordKeyOf, TagRecords, type TagStore } from './tag-records.ts'
import type { TagSteps } from './tag-steps.ts'
import { stampsBeside, type Tagged, type TagStamp, tagged } from './tagged-value.ts'
import { update } from './update.ts'

/** What a key holds, with the stamps its tags had; none where it has no tags. */
interface Physical {
  readonly found: Snapshot | Miss
  /** What the contract says of it: {@link MISS} when a tag is gone. */
  readonly seen: Snapshot | Miss
  readonly stamps: readonly TagStamp[]
}

/** Marks the stamp of a value together with those of the records of its tags. */
const WHOLE = '\u0000whole'
const MOST_TRIES = 100

/** A pattern that could match what stands aside: locks, and the records of tags. */
const REACHES_ASIDE = /^[*?[\\\0]/

const BATCH = 100
const FOREVER = Number.POSITIVE_INFINITY

/** A store, and what it does in one step with values and the records of their tags. */
export type TaggableBase = BackendBase & Partial<Backend> & { readonly tagSteps?: TagSteps }

/**
 * A store that knows values only, with {@link Tags}: a value whose tags are gone is absent for every member.
 *
 * Whether a key is there only its value tells, so that members which do not look at it have to. They do so from the first
 * time on that this process has to do with tags: before that it asks the store as it is.
 */
export class TaggedStore implements BackendBase {
  readonly name: string
  readonly #base: TaggableBase
  readonly #records: TagRecords
  /** Where the records are, unless beside the values, where one step can see both. */
  readonly #store: TagStore | undefined
  readonly #steps: TagSteps | undefined
  /** Of a store that is a wait away: to know the tags before saves a wait. */
  readonly #recent = new RecentTags()

  /** Whether this process has to do with tags. */
  #inUse = false

  // What the store brings itself, as long as nobody has to do with tags.
  readonly exists?: Backend['exists']
  readonly timeLeft?: Backend['timeLeft']
  readonly size?: Backend['size']
  readonly count?: Backend['count']
  readonly deleteMany?: Backend['deleteMany']

  // What tags have nothing to do with.
  readonly now?: () => Awaitable<number>
  readonly setMany?: Backend['setMany']
  readonly ping?: Backend['ping']
  readonly partOf?: (key: string) => string | number
  readonly guard?: Exclude<Backend['guard'], undefined>
  readonly bits?: Backend['bits']
  readonly windows?: Backend['windows']
  readonly sets?: Backend['sets']
  readonly locks?: Backend['locks']

  readonly getNow?: (key: string) => unknown
  readonly answerNow?: (spot: Spot) => Promise<unknown> | undefined
  readonly getFor?: (key: string, asker: Asker) => void
  readonly leases?: Leases

  /** @param store Where the records of the tags are kept. @default beside the values */
  constructor(base: TaggableBase, store?: TagStore) {
    this.name = base.name
    this.#base = base
    this.#store = store
    this.#steps = store ? undefined : base.tagSteps
    this.#records = new TagRecords(store ?? recordStoreOf(base))
    if (store?.ping) this.ping = (message) => chain(store.ping?.(message), () => base.ping?.(message) ?? message)
    for (const name of ['now', 'setMany', 'guard', 'partOf', ...(store?.ping ? [] : ['ping' as const])] as const) {
      const member = base[name]
      if (member) Object.assign(this, { [name]: member.bind(base) })
    }
    for (const name of ['bits', 'windows', 'sets'] as const)
      if (base[name] !== undefined) Object.assign(this, { [name]: base[name] })
    if (base.locks !== undefined) this.locks = base.locks && this.#locksOver(base.locks)
    const { exists, timeLeft, size, count, deleteMany } = base
    if (exists)
      this.exists = (key) =>
        this.#inUse ? chain(this.inspect(key), (found) => found !== MISS) : exists.call(base, key)
    if (timeLeft)
      this.timeLeft = (key) =>
        this.#inUse
          ? chain(this.inspect(key), (found) => (found === MISS ? found : found.timeLeft))
          : timeLeft.call(base, key)
    if (size)
      this.size = (key) => chain(!this.#inUse || this.exists?.(key), (there) => (there ? size.call(base, key) : 0))
    if (count) this.count = () => (this.#inUse ? countOf(this.scan('*', BATCH)) : count.call(base))
    if (deleteMany)
      this.deleteMany = (keys) =>
        this.#inUse
          ? chain(all(keys.map((key) => this.delete(key))), (gone) => gone.filter(Boolean).length)
          : deleteMany.call(base, keys)
    if (base.getNow) this.getNow = (key) => this.#unpackNow(base.getNow?.(key))
    if (base.answerNow) this.answerNow = (spot) => this.#answerNow(spot)
    if (base.getFor)
      this.getFor = (key, asker) => {
        const tags = this.#recentTags(key)
        if (tags === undefined) base.getFor?.(key, new Unpacking(key, asker, this.#unpackFor))
        else if (this.#steps?.readFor === undefined) tell(asker, () => this.get(key))
        else this.#readStep(this.#steps.readFor, key, tags, false, new Valuing(asker))
      }
    if (base.leases) this.leases = this.#leasesOver(base.leases)
  }

  open(host: BackendHost): Awaitable<void> {
    return this.#base.open({
      removed: (key, reason) => isRecordKey(key) || host.removed(key, reason),
      error: (error) => host.error(error),
    })
  }

  close(): Awaitable<void> {
    return chain(this.#store?.close?.(), () => this.#base.close())
  }

  get(key: string): Awaitable<unknown> {
    const tags = this.#recentTags(key)
    if (tags === undefined) return chain(this.#base.get(key), (found) => this.#unpack(key, found))
    return chain(this.#read(key, tags), ({ value }) => value)
  }

  getMany(keys: readonly string[]): Awaitable<unknown[]> {
    const tags = this.#inUse ? [...new Set(keys.flatMap((key) => this.#recent.get(key) ?? []))] : []
    return chain(this.#readAll(keys, tags), ([values, held]) => {
      const known = tags.length > 0 ? this.#records.asKnown(tags, held) : undefined
      return all(values.map((found, at) => this.#unpack(keys[at] as string, found, { known })))
    })
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean> {
    if (exists === undefined || !this.#inUse) return this.#base.set(key, value, lifetime, exists)
    return update(this, key, (found) =>
      exists === (found !== MISS) ? [true, { op: 'set', key, value, lifetime }] : [false],
    )
  }

  delete(key: string): Awaitable<boolean> {
    if (!this.#inUse) return this.#base.delete(key)
    return chain(this.#look(key), ({ seen }) => chain(this.#base.delete(key), (gone) => gone && seen !== MISS))
  }

  async deleteMatch(pattern: string): Promise<number> {
    if (!this.#inUse && this.#base.deleteMatch && (this.locks !== undefined || !REACHES_ASIDE.test(pattern)))
      return this.#base.deleteMatch(pattern)
    let gone = 0
    for await (const keys of batches(this.#base.scan(pattern, BATCH), BATCH)) {
      const own = keys.filter((key) => !isRecordKey(key) && !isLockKey(key))
      gone += (await Promise.all(own.map((key) => this.delete(key)))).filter(Boolean).length
    }
    return gone
  }

  incr(key: string, by: number, lifetime: Milliseconds): Awaitable<number> {
    return recover(
      () => this.#base.incr(key, by, lifetime),
      (error) =>
        chain(error instanceof WrongTypeError ? this.#base.get(key) : MISS, (found) => {
          if (!this.#stampsOf(found)) throw error
          return this.#incrTagged(key, by, lifetime, [])
        }),
    )
  }

  expire(key: string, lifetime: Milliseconds, tries = 1): Awaitable<boolean> {
    if (!this.#inUse && this.#base.expire) return this.#base.expire(key, lifetime)
    return chain(this.#look(key), ({ seen, found, stamps }) => {
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
    for await (const keys of batches(this.#base.scan(pattern, batchSize), batchSize)) {
      const own = keys.filter((key) => !isRecordKey(key))
      if (!this.#inUse) {
        yield* own
        continue
      }
      const kept = (await this.#base.getMany?.(own)) ?? (await all(own.map((key) => this.#base.get(key))))
      // A key of another kind is a miss, and there all the same.
      const dead = await all(
        kept.map((value) => {
          const stamps = this.#stampsOf(value)
          return stamps !== undefined && chain(this.#records.state(stamps), (state) => state !== 'fresh')
        }),
      )
      for (const [at, key] of own.entries()) if (!dead[at]) yield key
    }
  }

  async clear(): Promise<void> {
    if (this.locks !== undefined) return this.#base.clear()
    for await (const keys of batches(this.#base.scan('*', BATCH), BATCH))
      await Promise.all(keys.filter((key) => !isLockKey(key)).map((key) => this.#base.delete(key)))
  }

  inspect(key: string): Awaitable<Snapshot | Miss> {
    return chain(this.#look(key), ({ seen }) => seen)
  }

  apply(expectations: readonly Expectation[], writes: readonly Write[]): Awaitable<boolean> {
    const stamps = new Map(expectations.map(({ key, stamp }) => [key, stamp]))
    return chain(this.#holdElsewhere(expectations), (hold) => {
      if (!hold) return false
      return chain(all(withoutKeeping(writes).map((write) => this.#pack(write, stamps))), (packed) =>
        chain(
          this.#applyAll(
            expectations.flatMap((expectation) => this.#expand(expectation)),
            packed,
          ),
          (done) => done || this.#applyOverDead(expectations, packed),
        ),
      )
    })
  }

  /** What the store holds may be encoded: only its value tells the tags. */
  getRaw(key: string): Awaitable<unknown> {
    const raw = () => (this.#base.getRaw ? this.#base.getRaw(key) : this.#base.get(key))
    if (!this.#inUse) return raw()
    return chain(this.#look(key), ({ found, seen }) => (found !== MISS && seen === MISS ? MISS : raw()))
  }

  setRaw(key: string, raw: unknown, lifetime: Milliseconds): Awaitable<boolean> {
    const { setRaw } = this.#base
    const written = setRaw ? setRaw.call(this.#base, key, raw, lifetime) : this.#base.set(key, raw, lifetime)
    if (!this.#inUse) return written
    return chain(written, (done) =>
      chain(this.#look(key), ({ found, seen, stamps }) => {
        if (found === MISS || seen !== MISS) return chain(this.#records.prolong(stamps, lifetime), () => done)
        return chain(this.#base.delete(key), () => false)
      }),
    )
  }

  readonly tags: Tags = this.#noticed({
    begin: () => {},
    set: (key, value, lifetime, tags, { exists, proof } = {}) =>
      (exists === undefined && proof === undefined ? this.#setInOneStep([[key, value]], lifetime, tags) : undefined) ??
      chain(this.#records.stamps(tags, lifetime, proof), (stamps) =>
        stamps === undefined ? false : this.set(key, this.#tie(stamps, value), lifetime, exists),
      ),
    setMany: (entries, lifetime, tags) =>
      chain(
        this.#setInOneStep(entries, lifetime, tags) ??
          chain(this.#records.ensure(tags, lifetime), (stamps) =>
            all(entries.map(([key, value]) => this.#base.set(key, this.#tie(stamps, value), lifetime))),
          ),
        () => {},
      ),
    incr: (key, by, lifetime, tags) => this.#incrTagged(key, by, lifetime, tags),
    delete: (tags) => this.#records.delete(tags),
    expire: (tags) => this.#records.expire(tags),
    of: (key) => chain(this.#look(key), ({ seen, stamps }) => (seen === MISS ? MISS : stamps.map(([tag]) => tag))),
    stale: (key) => chain(this.#read(key, this.#recent.get(key), true), ({ value }) => value),
    capture: (tags) => this.#records.capture(tags),
    holds: (proof) => this.#records.holds(proof),
  })

  /** Notes the use of tags. */
  #noticed(tags: Tags): Tags {
    const noticing =
      (member: (...args: never[]) => unknown) =>
      (...args: never[]) => {
        this.#inUse = true
        return member(...args)
      }
    return Object.fromEntries(Object.entries(tags).map(([name, member]) => [name, noticing(member)])) as unknown as Tags
  }

  #tie(stamps: readonly TagStamp[], value: unknown): unknown {
    return tagged(stamps, value, this.#store !== undefined)
  }

  /** The stamps a value stands beside; `undefined` when it has no tags. */
  #stampsOf(found: unknown): readonly TagStamp[] | undefined {
    const stamps = stampsBeside(found, this.#store !== undefined)
    if (stamps !== undefined) this.#inUse = true
    return stamps
  }

  /** Reads a value, and in the same turn the records of the tags it is thought to have. */
  #read(key: string, tags: readonly string[] = [], stale = false): Awaitable<Reading> {
    if (tags.length === 0)
      return chain(this.#base.get(key), (found) =>
        chain(this.#unpack(key, found, { stale }), (value) => ({ value, found })),
      )
    const readFor = this.#steps?.readFor
    if (readFor === undefined)
      return chain(this.#readAll([key], tags), ([[found], held]) => this.#readingOf(key, tags, found, held, stale))
    return new Promise((found, failed) => this.#readStep(readFor, key, tags, stale, { found, failed }))
  }

  /** Reads a value and the records of its tags in one step. */
  #readStep(
    readFor: Exclude<TagSteps['readFor'], undefined>,
    key: string,
    tags: readonly string[],
    stale: boolean,
    asker: ReadingAsker,
  ): void {
    readFor.call(this.#steps, key, tags, new StepReading(key, tags, stale, asker, this.#readingOf))
  }

  readonly #readingOf: ReadingOf = (key, tags, found, held, stale) => {
    const stamps = this.#stampsOf(found)
    if (stamps && this.#records.areFresh(stamps, tags, held)) return { value: (found as Tagged).value, found }
    const known = this.#records.asKnown(tags, held)
    return chain(this.#unpack(key, found, { stale, known }), (value) => ({ value, found, known }))
  }

  /** What the store holds, and what it or another has under the keys of records. */
  #readAll(keys: readonly string[], tags: readonly string[]): Awaitable<[found: unknown[], held: unknown[]]> {
    const records = tags.map(recordKeyOf)
    if (!this.#store || tags.length === 0)
      return chain(this.#getAll([...keys, ...records]), (found) => [found, found.splice(keys.length)])
    return all([this.#getAll(keys), this.#store.getMany(records)]) as Awaitable<[unknown[], unknown[]]>
  }

  #getAll(keys: readonly string[]): Awaitable<unknown[]> {
    return this.#base.getMany?.(keys) ?? all(keys.map((key) => this.#base.get(key)))
  }

  /** What a reader sees of what the store holds. */
  #unpack(
    key: string,
    found: unknown,
    { stale = false, known }: { stale?: boolean; known?: Known | undefined } = {},
  ): Awaitable<unknown> {
    const stamps = this.#stampsOf(found)
    if (stamps === undefined) return found
    const { value } = found as Tagged
    const state = this.#records.state(stamps, known)
    if (known !== undefined || isPending(state))
      this.#recent.note(
        key,
        stamps.map(([tag]) => tag),
      )
    return chain(state, (state) => (state === 'fresh' || (stale && state === 'expired') ? value : MISS))
  }

  readonly #unpackFor = (key: string, found: unknown, asker: Asker): void => {
    if (this.#stampsOf(found) === undefined) asker.found(found)
    else tell(asker, () => this.#unpack(key, found))
  }

  /** The tags that a key is thought to have. */
  #recentTags(key: string): readonly string[] | undefined {
    return this.#inUse ? this.#recent.get(key) : undefined
  }

  #unpackNow(found: unknown): unknown {
    const stamps = this.#stampsOf(found)
    if (stamps === undefined) return found
    return this.#records.isFreshNow(stamps) ? (found as Tagged).value : MISS
  }

  #answerNow(spot: Spot): Promise<unknown> | undefined {
    const { getNow, answerNow } = this.#base
    if (!this.#inUse || !getNow) return answerNow?.call(this.#base, spot)
    const found = getNow.call(this.#base, spot.key)
    if (found === MISS) return undefined
    if (!this.#stampsOf(found)) return answerNow?.call(this.#base, spot)
    const value = this.#unpackNow(found)
    return value === MISS ? undefined : Promise.resolve(value)
  }

  /** Writes values, and deals with their records, in one step; `undefined` where the store cannot. */
  #setInOneStep(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    tags: readonly string[],
  ): Awaitable<true> | undefined {
    const written = this.#steps?.set(entries, lifetime, tags, newStamp(), margin(lifetime))
    if (written !== undefined) for (const [key] of entries) this.#recent.note(key, tags)
    return written
  }

  #look(key: string): Awaitable<Physical> {
    return chain(this.#base.inspect(key), (found) => this.#lookInto(found))
  }

  #lookInto(found: Snapshot | Miss): Awaitable<Physical> {
    const stamps = found === MISS ? undefined : this.#stampsOf(found.value)
    if (found === MISS || stamps === undefined) return { found, seen: found, stamps: [] }
    const { value } = found.value as Tagged
    return chain(this.#records.inspect(stamps), (records) => ({
      found,
      seen: records ? { ...found, value, stamp: WHOLE + JSON.stringify([found.stamp, records]) } : MISS,
      stamps,
    }))
  }

  /** Locks that tell of a key what a reader sees. */
  #locksOver(locks: Locks): Locks {
    const { acquireAndInspect } = locks
    if (!acquireAndInspect) return locks
    return {
      ...locks,
      acquireAndInspect: (...lock) =>
        chain(acquireAndInspect(...lock), (found) =>
          found === undefined ? found : chain(this.#lookInto(found), ({ seen }) => seen),
        ),
    }
  }

  #incrTagged(key: string, by: number, lifetime: Milliseconds, tags: readonly string[], tries = 1): Awaitable<number> {
    return chain(this.#look(key), ({ found, seen, stamps }) => {
      const [value, left, had] = seen === MISS ? [0, lifetime, []] : [seen.value, seen.timeLeft, stamps]
      const sum = plus(key, value, by)
      const names = [...new Set([...had.map(([tag]) => tag), ...tags])]
      return chain(this.#records.ensure(names, left), (now) => {
        const kept = names.length > 0 ? this.#tie(now, sum) : sum
        const write: Write = { op: 'set', key, value: kept, lifetime: seen === MISS ? lifetime : 'keep' }
        const expected = { key, stamp: found === MISS ? undefined : found.stamp }
        return chain(this.#base.apply([expected], [write]), (done) =>
          done ? sum : this.#incrTagged(key, by, lifetime, tags, nextTry(key, tries)),
        )
      })
    })
  }

  /** What has to hold of the store itself, so that an expectation of the contract does. */
  #expand(expectation: Expectation): readonly Expectation[] {
    if (isOfLock(expectation)) return [expectation]
    const { key, stamp } = expectation
    const whole = wholeStamp(stamp)
    return whole ? [{ key, stamp: whole[0] }, ...(this.#store ? [] : whole[1])] : [{ key, stamp }]
  }

  #holdElsewhere(expectations: readonly Expectation[]): Awaitable<boolean> {
    const records = this.#store === undefined ? [] : expectations.flatMap(({ stamp }) => wholeStamp(stamp)?.[1] ?? [])
    return records.length === 0 || this.#records.hold(records)
  }

  #applyAll(expected: readonly Expectation[], writes: readonly Write[]): Awaitable<boolean> {
    const isOfRecord = (one: Expectation) => !isOfLock(one) && isRecordKey(one.key)
    const records = expected.filter(isOfRecord)
    return recover(
      () => this.#base.apply(expected, writes),
      (error) => {
        if (!(error instanceof CommandError) || records.length === 0) throw error
        // A store on several servers cannot see records and values in one step: the records first.
        const others = expected.filter((one) => !isOfRecord(one))
        return chain(this.#records.hold(records), (hold) => hold && this.#base.apply(others, writes))
      },
    )
  }

  /** A key that is there for the store alone is absent: then its own stamp is what has to hold. */
  #applyOverDead(expectations: readonly Expectation[], writes: readonly Write[]): Awaitable<boolean> {
    if (expectations.every(({ stamp }) => stamp !== undefined)) return false
    const physical = expectations.map((expectation) => {
      if (expectation.stamp !== undefined || isOfLock(expectation)) return this.#expand(expectation)
      return chain(this.#look(expectation.key), ({ found, seen }) =>
        found === MISS || seen !== MISS ? [expectation] : [{ key: expectation.key, stamp: found.stamp }],
      )
    })
    return chain(all<readonly Expectation[]>(physical), (found) => {
      const isDead = found.some(([first], at) => first?.stamp !== undefined && expectations[at]?.stamp === undefined)
      return isDead && this.#applyAll(found.flat(), writes)
    })
  }

  /** What a write becomes. One that keeps the lifetime keeps the tags too; `stamps` tells what is known of the keys. */
  #pack(write: Write, stamps: ReadonlyMap<string, Stamp | undefined>): Awaitable<Write> {
    if (write.op !== 'set') return write
    const { key, value, tags = [] } = write
    const stamp = stamps.get(key)
    const isAbsent = stamps.has(key) && stamp === undefined
    const lifetime = write.lifetime === 'keep' && isAbsent ? FOREVER : write.lifetime
    const put = (tied: readonly TagStamp[]): Write => ({
      op: 'set',
      key,
      value: tied.length > 0 ? this.#tie(tied, value) : value,
      lifetime,
    })
    if (tags.length > 0) return chain(this.#records.ensure(tags, lifetime === 'keep' ? FOREVER : lifetime), put)
    const isUntagged = stamp !== undefined && wholeStamp(stamp) === undefined
    if (lifetime !== 'keep' || isUntagged) return put([])
    return chain(this.#look(key), ({ seen, stamps: tied }) => put(seen === MISS ? [] : tied))
  }

  /** Leases that carry the proof of the tags along. */
  #leasesOver(leases: Leases): Leases {
    return {
      get: (key, ahead) => {
        const tags = ahead === undefined || ahead === 'any' ? this.#recent.get(key) : ahead
        if (tags === undefined && !ahead) return chain(leases.get(key), (leased) => this.#leased(leases, key, leased))
        return chain(this.#read(key, tags), ({ value, found, known }) =>
          value === MISS ? this.#lease(leases, key, ahead, found === MISS, known) : { value },
        )
      },
      take: (key, ahead) => chain(this.#lease(leases, key, ahead, false), ({ lease }) => lease as string),
      set: (key, value, lifetime, token, tags = []) => {
        const [lease, proof] = JSON.parse(token) as [lease: string, proof?: string]
        if (tags.length === 0) return leases.set(key, value, lifetime, lease)
        this.#inUse = true
        const records = this.#records.written(tags, proof)
        this.#recent.note(key, tags)
        return (
          this.#steps?.setLeased(key, value, lifetime, lease, records, margin(lifetime)) ??
          this.#setLeased(leases, key, value, lifetime, tags, lease, proof)
        )
      },
      holds: (key, token) => {
        const [lease, proof] = JSON.parse(token) as [lease: string, proof?: string]
        const hold = all([leases.holds(key, lease), proof === undefined || this.#records.holds(proof)])
        return chain(hold, (hold) => hold.every(Boolean))
      },
    }
  }

  /** What is answered for what a store has leased without a look at any tags. */
  #leased(leases: Leases, key: string, { value: found, lease }: Leased): Awaitable<Leased> {
    return chain(this.#unpack(key, found), (value) => {
      if (value !== MISS) return { value }
      return lease === undefined ? this.#lease(leases, key, undefined, false) : { value, lease: tokenOf(lease) }
    })
  }

  /** Takes a lease, together with the proof of the tags. */
  #lease(
    leases: Leases,
    key: string,
    ahead: TagsAhead | undefined,
    orValue: boolean,
    known?: Known,
  ): Awaitable<Leased> {
    if (ahead === undefined) return chain(leases.take(key), (lease) => ({ value: MISS, lease: tokenOf(lease) }))
    const step = this.#steps?.lease(key, this.#records.captured(ahead), orValue)
    if (step === undefined) {
      const proof = (ahead === 'any' ? undefined : this.#records.proofOf(known)) ?? this.#records.capture(ahead)
      return chain(all([leases.take(key), proof]), ([lease, proof]) => ({
        value: MISS,
        lease: tokenOf(lease as string, proof),
      }))
    }
    return chain(step, (taken) => {
      if ('lease' in taken)
        return { value: MISS, lease: tokenOf(taken.lease, this.#records.proofOfStep(ahead, taken.stamps)) }
      return chain(this.#unpack(key, taken.value), (value) =>
        value === MISS ? this.#lease(leases, key, ahead, false) : { value },
      )
    })
  }

  #setLeased(
    leases: Leases,
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    tags: readonly string[],
    lease: string,
    proof?: string,
  ): Awaitable<boolean> {
    const now = this.#records.stamps(tags, lifetime, proof)
    const before = this.#records.known(proof, tags)
    if (before) {
      // What was captured makes the value absent should a tag have changed: nothing has to be waited for.
      const written = leases.set(key, this.#tie(before, value), lifetime, lease)
      return chain(all<unknown>([now, written]), ([still, done]) => still !== undefined && done === true)
    }
    return chain(now, (stamps) =>
      stamps === undefined ? false : leases.set(key, this.#tie(stamps, value), lifetime, lease),
    )
  }
}

/** The lease of a store, and what the tags were when it was taken. */
function tokenOf(lease: string, proof?: string): string {
  return JSON.stringify(proof === undefined ? [lease] : [lease, proof])
}

/** A store with locks of its own is asked what it takes for an expectation of a key. */
function isOfLock(expectation: Expectation): boolean {
  return 'lock' in expectation
}

function wholeStamp(stamp: Stamp | undefined): readonly [own: Stamp, records: readonly Expectation[]] | undefined {
  return typeof stamp === 'string' && stamp.startsWith(WHOLE) ? JSON.parse(stamp.slice(WHOLE.length)) : undefined
}

function recordStoreOf(base: TaggableBase): TagStore {
  const { getNow } = base
  return {
    ...(getNow && { getNow: (key) => getNow.call(base, key) }),
    getMany: (keys) => base.getMany?.(keys) ?? all(keys.map((key) => base.get(key))),
    set: (key, value, lifetime) => base.set(key, value, lifetime),
    delete: (key) => base.delete(key),
    inspect: (key) => base.inspect(key),
    apply: (expectations, writes) => base.apply(expectations, writes),
  }
}

function plus(key: string, value: unknown, by: number): number {
  const sum = Number.isSafeInteger(value) ? (value as number) + by : Number.NaN
  if (!Number.isSafeInteger(sum))
    throw new WrongTypeError(`Key "${key}" holds no whole number that ${by} can be added to.`)
  return sum
}

function nextTry(key: string, tries: number): number {
  if (tries === MOST_TRIES) throw new BackendError(`Key "${key}" changed ${tries} times while it was being updated.`)
  return tries + 1
}

async function countOf(keys: AsyncIterable<string>): Promise<number> {
  let count = 0
  for await (const _ of keys) count++
  return count
}
