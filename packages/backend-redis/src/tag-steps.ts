import {
  type Awaitable,
  areSame,
  chain,
  isPending,
  MISS,
  type Milliseconds,
  type Proof,
  type TagAsker,
  type TaggedLease,
  type TagSteps,
  type TagsAhead,
} from '@cashews/core'
import { type KnownRecord, KnownRecords, noteStamps, type RecordsOfTags } from './known-records.ts'
import { leaseIn, newLease } from './lease.ts'
import type { Argument } from './link.ts'
import { monotonicNow } from './monotonic.ts'
import type { Waiting } from './read-batch.ts'
import type { Script } from './script.ts'
import {
  GET_OR_LEASE,
  LEASE_LIFETIME,
  SET_CAPTURED,
  SET_TAGGED,
  SET_TAGGED_LEASED,
  TAKE_LEASE,
  ttlOf,
} from './scripts.ts'
import type { Encoded } from './stored-values.ts'
import { joinHead } from './tagged-bytes.ts'

/** How many values one script writes: each takes two names. */
const TOGETHER = 200

/** How long the record of a tag is to live when a load begins, in milliseconds: what takes longer may not be stored. */
const LOAD: Milliseconds = LEASE_LIFETIME / 2

/** What {@link RedisTagSteps} asks of the store. */
export interface StepStore {
  /** The name of a value. */
  name(key: string): string
  /** The names of a value and of its lease. */
  pair(key: string): [value: string, lease: string]
  /** Whether one command may name all of these. */
  mayMeet(names: readonly string[]): boolean
  /** Whether reads are not of copies in this process. */
  readonly readsTogether: boolean
  /** Reads names as they are. */
  read(names: readonly string[], waiting: Waiting<Buffer | null>): void
  encode(key: string, value: unknown): Awaitable<Encoded>
  /** Encodes what is to stand behind the tags of a value. */
  encodeBare(name: string, value: unknown): Awaitable<Encoded>
  decode(key: string, bytes: Buffer): Awaitable<unknown>
  /** Decodes what stands behind the tags of a value. */
  decodeBare(name: string, bytes: Buffer): Awaitable<unknown>
  run(script: Script, names: readonly string[], args: readonly Argument[]): Promise<unknown>
  /** Makes a change of keys. */
  change<T>(keys: readonly string[], send: () => Promise<T>): Promise<T>
  /** Keys may hold something else than this process thinks. */
  changed(keys: readonly string[]): void
}

/** Values and the records of their tags in one script: a write with tags is one round trip, as without. */
export class RedisTagSteps implements TagSteps {
  readonly #store: StepStore
  readonly #known: KnownRecords
  readonly readFor?: Exclude<TagSteps['readFor'], undefined>

  constructor(store: StepStore) {
    this.#store = store
    this.#known = new KnownRecords((key) => store.name(key))
    if (store.readsTogether) this.readFor = (key, known, asker) => this.#readFor(key, known as RecordsOfTags, asker)
  }

  know(tags: TagsAhead): RecordsOfTags {
    return this.#known.of(tags)
  }

  lease(
    key: string,
    { records }: RecordsOfTags,
    fresh: string,
    orValue: boolean,
    held: readonly unknown[] = [],
  ): Awaitable<TaggedLease> | undefined {
    const store = this.#store
    const until = monotonicNow() + LOAD
    const unsure = records.filter((record, nth) => !record.lasts(held[nth], until))
    const names = this.#names([key], unsure)
    if (names === undefined) return undefined
    const lease = newLease()
    const args = unsure.length === 0 ? [lease] : [lease, fresh]
    return store.run(orValue ? GET_OR_LEASE : TAKE_LEASE, names, args).then((answer) => {
      if (answer instanceof Buffer) return chain(store.decode(key, answer), (value) => ({ value }))
      const found = (record: KnownRecord, nth: number) => {
        const at = unsure.indexOf(record)
        return at < 0 ? (held[nth] as string) : answer === 1 ? fresh : String((answer as Buffer[])[at + 1])
      }
      return { lease: leaseIn(answer, lease), held: records.map(found) }
    })
  }

  set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    known: RecordsOfTags,
    fresh: string,
    recordLifetime: Milliseconds,
  ): Promise<true> | undefined {
    const store = this.#store
    const names = known.namesToWrite(key, store.pair)
    if (!store.mayMeet(names)) return undefined
    return chain(store.encodeBare(names[0], value), (bytes) => {
      const now = monotonicNow()
      const value = joinHead(known.headUntil(now + lifetime), bytes)
      const args = [ttlOf(lifetime), `${ttlOf(recordLifetime)}\n${fresh}`, value]
      return this.#write(SET_TAGGED, [key], names, known.records, args, now)
    }) as Promise<true>
  }

  setMany(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    known: RecordsOfTags,
    fresh: string,
    recordLifetime: Milliseconds,
  ): Promise<true> | undefined {
    const store = this.#store
    const unique = [...new Map(entries)]
    const keys = unique.map(([key]) => key)
    const names = this.#names(keys, known.records)
    if (names === undefined) return undefined
    if (unique.length > TOGETHER) return this.#setInParts(unique, lifetime, known, fresh, recordLifetime)
    const write = async (): Promise<true> => {
      const encoded = await Promise.all(unique.map(([key, value]) => store.encode(key, value)))
      const now = monotonicNow()
      const head = known.headUntil(now + lifetime)
      const values = encoded.map((bytes) => joinHead(head, bytes))
      const args = [ttlOf(lifetime), `${ttlOf(recordLifetime)}\n${fresh}`, ...values]
      return this.#write(SET_TAGGED, keys, names, known.records, args, now) as Promise<true>
    }
    return write()
  }

  setLeased(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    lease: string,
    known: RecordsOfTags,
    proof: Proof | undefined,
    fresh: string,
    recordLifetime: Milliseconds,
  ): Awaitable<boolean> | undefined {
    const [stamps, tags] = proof ?? [[], 'any']
    if (tags !== 'any') return this.#setCaptured(key, value, lifetime, lease, known, stamps, tags, recordLifetime)
    const store = this.#store
    const [any] = stamps
    const watched = any === undefined ? [] : this.#known.of('any').records
    const names = this.#names([key], [...known.records, ...watched])
    if (names === undefined) return undefined
    return chain(store.encode(key, value), (bytes) => {
      const ttls = [ttlOf(lifetime), ttlOf(recordLifetime)]
      const args = [lease, JSON.stringify(known.tags), ...ttls, fresh, bytes, ...stamps]
      return this.#write(SET_TAGGED_LEASED, [key], names, known.records, args)
    })
  }

  /** Writes a value under stamps that were captured before its load, while they are those of its tags. */
  #setCaptured(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    lease: string,
    known: RecordsOfTags,
    stamps: readonly string[],
    tags: readonly string[],
    recordLifetime: Milliseconds,
  ): Awaitable<boolean> | undefined {
    const store = this.#store
    const names = known.namesToWrite(key, store.pair)
    if (!areSame(tags, known.tags) || !store.mayMeet(names)) return undefined
    return chain(store.encodeBare(names[0], value), (bytes) => {
      const now = monotonicNow()
      const args = [lease, joinHead(known.headWith(stamps), bytes), ttlOf(lifetime)]
      if (!known.last(stamps, now + Math.max(lifetime, LOAD))) args.push(ttlOf(recordLifetime))
      return this.#write(SET_CAPTURED, [key], names, known.records, args, now, stamps)
    })
  }

  #setInParts(
    entries: readonly (readonly [key: string, value: unknown])[],
    ...how: [lifetime: Milliseconds, known: RecordsOfTags, fresh: string, recordLifetime: Milliseconds]
  ): Promise<true> {
    const parts = Array.from({ length: Math.ceil(entries.length / TOGETHER) }, (_, nth) => nth * TOGETHER)
    return Promise.all(parts.map((from) => this.setMany(entries.slice(from, from + TOGETHER), ...how))).then(isTrue)
  }

  #readFor(key: string, known: RecordsOfTags, asker: TagAsker): void {
    try {
      const names = known.namesToRead(key, this.#store.name)
      this.#store.read(names, new Reader(this.#store, key, names[0], known, asker))
    } catch (error) {
      asker.failed(error)
    }
  }

  /**
   * Runs a script that writes values under tags, notes what it tells of their records, and answers whether it wrote.
   *
   * @param now The time before it is sent.
   * @param stamps What the records hold. Absent: the script tells it.
   */
  #write(
    script: Script,
    keys: readonly string[],
    names: readonly string[],
    records: readonly KnownRecord[],
    args: readonly Argument[],
    now: Milliseconds = monotonicNow(),
    stamps?: readonly string[],
  ): Promise<boolean> {
    const store = this.#store
    const sent = store.change(keys, () => store.run(script, names, args))
    return sent.then((answer) => answer === 1 || this.#note(records, answer, now, stamps))
  }

  /** Notes what a script tells of records that were not what this process thought. */
  #note(
    records: readonly KnownRecord[],
    answer: unknown,
    sentAt: Milliseconds,
    stamps?: readonly string[] | undefined,
  ): boolean {
    const [made, ...told] = Array.isArray(answer) ? (answer as (number | Buffer)[]) : []
    if (made !== undefined)
      noteStamps(records, stamps ?? told.slice(records.length).map(String), told as number[], sentAt)
    if (made !== 1) this.#store.changed(records.map(({ key }) => key))
    return answer !== 0
  }

  /** What a script names: a pair for each key, then records; `undefined` when one cannot name all of it. */
  #names(keys: readonly string[], records: readonly KnownRecord[]): string[] | undefined {
    const names: string[] = []
    for (const key of keys) names.push(...this.#store.pair(key))
    for (const { name } of records) names.push(name)
    return this.#store.mayMeet(names) ? names : undefined
  }
}

/** Who waits for a value and the records of its tags. */
class Reader implements Waiting<Buffer | null> {
  readonly count: number
  readonly #store: StepStore
  readonly #key: string
  readonly #name: string
  readonly #known: RecordsOfTags
  readonly #asker: TagAsker

  /** @param name Of the value. */
  constructor(store: StepStore, key: string, name: string, known: RecordsOfTags, asker: TagAsker) {
    this.count = 1 + known.records.length
    this.#store = store
    this.#key = key
    this.#name = name
    this.#known = known
    this.#asker = asker
  }

  settle(all: readonly (Buffer | null | Error)[], from: number): void {
    const bytes = all[from]
    const start = bytes instanceof Buffer ? this.#known.endOfHead(bytes, all, from + 1) : 0
    if (start === 0) {
      this.#settleOther(all.slice(from, from + this.count))
      return
    }
    const value = this.#store.decodeBare(this.#name, (bytes as Buffer).subarray(start))
    this.#whenReady(value, (value) => this.#asker.fresh(value))
  }

  /** Tells what was found that is not as fresh as it was thought to be. */
  #settleOther(all: readonly (Buffer | null | Error)[]): void {
    const [bytes, ...records] = all
    for (const one of all) if (one instanceof Error) throw one
    const held = records.map((record) => record?.toString() ?? MISS)
    const value = bytes ? this.#store.decode(this.#key, bytes as Buffer) : MISS
    this.#whenReady(value, (value) => this.#asker.found([value, ...held]))
  }

  /** Goes on when a value is there, at once if it is. */
  #whenReady(value: Awaitable<unknown>, found: (value: unknown) => void): void {
    if (isPending(value)) value.then(found).catch((error) => this.failed(error))
    else found(value)
  }

  failed(error: unknown): void {
    this.#asker.failed(error)
  }
}

function isTrue(): true {
  return true
}
