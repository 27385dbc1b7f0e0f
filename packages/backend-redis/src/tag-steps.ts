import {
  type Awaitable,
  chain,
  isPending,
  MISS,
  type Milliseconds,
  type StepRecord,
  type StepRecords,
  type TagAsker,
  type TaggedLease,
  type TagSteps,
} from '@cashews/core'
import { type KnownRecord, KnownRecords, noteStamps, type RecordsOfTags } from './known-records.ts'
import { newLease } from './lease.ts'
import type { Argument } from './link.ts'
import { monotonicNow } from './monotonic.ts'
import type { Waiting } from './read-batch.ts'
import type { Script } from './script.ts'
import { GET_OR_TAGGED_LEASE, SET_TAGGED, SET_TAGGED_LEASED, TAKE_TAGGED_LEASE, ttlOf } from './scripts.ts'
import type { Encoded } from './stored-values.ts'
import { joinHead } from './tagged-bytes.ts'

/** How many values one script writes: each takes two names. */
const TOGETHER = 200

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

  lease(key: string, { records, fresh }: StepRecords, orValue: boolean): Promise<TaggedLease> | undefined {
    const store = this.#store
    const names = this.#names([key], this.#named(records))
    if (names === undefined) return undefined
    const lease = newLease()
    return store.run(orValue ? GET_OR_TAGGED_LEASE : TAKE_TAGGED_LEASE, names, [lease, fresh]).then((answer) => {
      if (answer instanceof Buffer) return chain(store.decode(key, answer), (value) => ({ value }))
      const [taken, ...stamps] = answer as Buffer[]
      return { lease: String(taken), stamps: stamps.map(String) }
    })
  }

  know(tags: readonly string[]): RecordsOfTags {
    return this.#known.of(tags)
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
    const names = known.namesOf(key, store.pair).toWrite
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
    { records, fresh }: StepRecords,
    recordLifetime: Milliseconds,
  ): Promise<boolean> | undefined {
    const store = this.#store
    const names = this.#names([key], this.#named(records))
    if (names === undefined) return undefined
    const before = records.map(({ before = '' }) => before)
    const tags = records.flatMap(({ tag }) => tag ?? [])
    const head = [lease, JSON.stringify(tags), ttlOf(lifetime), ttlOf(recordLifetime), fresh]
    const write = async (): Promise<boolean> => {
      const args = [...head, await store.encode(key, value), ...before]
      return this.#write(SET_TAGGED_LEASED, [key], names, this.#known.of(tags).records, args)
    }
    return write()
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
      const names = known.namesOf(key, this.#store.pair).toRead
      this.#store.read(names, new Reader(this.#store, key, names[0], known, asker))
    } catch (error) {
      asker.failed(error)
    }
  }

  /**
   * Runs a script that writes values under tags, notes what it tells of their records, and answers whether it wrote.
   *
   * @param now The time before it is sent.
   */
  #write(
    script: Script,
    keys: readonly string[],
    names: readonly string[],
    records: readonly KnownRecord[],
    args: readonly Argument[],
    now = monotonicNow(),
  ): Promise<boolean> {
    const store = this.#store
    const sent = store.change(keys, () => store.run(script, names, args))
    return sent.then((answer) => answer === 1 || this.#note(records, answer, now))
  }

  /** Notes what a script tells of records that were not what this process thought. */
  #note(records: readonly KnownRecord[], told: unknown, sentAt: Milliseconds): boolean {
    if (Array.isArray(told)) noteStamps(records, told, sentAt)
    if (!Array.isArray(told) || told[0] !== 1) this.#store.changed(records.map(({ key }) => key))
    return told !== 0
  }

  /** What a script names: a pair for each key, then records; `undefined` when one cannot name all of it. */
  #names(keys: readonly string[], records: readonly Named[]): string[] | undefined {
    const names: string[] = []
    for (const key of keys) names.push(...this.#store.pair(key))
    for (const { name } of records) names.push(name)
    return this.#store.mayMeet(names) ? names : undefined
  }

  #named(records: readonly StepRecord[]): Named[] {
    return records.map(({ key }) => ({ name: this.#store.name(key) }))
  }
}

/** What has a name in Redis. */
type Named = Pick<KnownRecord, 'name'>

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
