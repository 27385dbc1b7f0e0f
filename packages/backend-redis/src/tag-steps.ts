import {
  type Awaitable,
  all,
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
import { type KnownRecord, KnownRecords, noteStamps, thoughtHead } from './known-records.ts'
import type { Argument } from './link.ts'
import { monotonicNow } from './monotonic.ts'
import type { Waiting } from './read-batch.ts'
import type { Script } from './script.ts'
import { SET_TAGGED, SET_TAGGED_LEASED, TAKE_TAGGED_LEASE, ttlOf } from './scripts.ts'
import type { Encoded } from './stored-values.ts'
import { freshBytes, joinHead } from './tagged-bytes.ts'

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
  decode(key: string, bytes: Buffer): Awaitable<unknown>
  /** Decodes what stands behind the tags of a value. */
  decodeBare(name: string, bytes: Buffer): Awaitable<unknown>
  /** The first arguments of a script that takes a lease. */
  leaseArguments(orValue: boolean): readonly Argument[]
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
    if (store.readsTogether) this.readFor = (...reading) => this.#readFor(...reading)
  }

  lease(key: string, { records, fresh }: StepRecords, orValue: boolean): Promise<TaggedLease> | undefined {
    const store = this.#store
    const names = this.#names([key], records.map(this.#nameOf))
    if (names === undefined) return undefined
    return store.run(TAKE_TAGGED_LEASE, names, [...store.leaseArguments(orValue), fresh]).then((answer) => {
      const [bytes, lease, ...stamps] = answer as [Buffer | null, Buffer | null, ...Buffer[]]
      if (lease !== null) return { lease: String(lease), stamps: stamps.map(String) }
      return chain(store.decode(key, bytes as Buffer), (value) => ({ value }))
    })
  }

  set(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    tags: readonly string[],
    fresh: string,
    recordLifetime: Milliseconds,
  ): Promise<true> | undefined {
    const store = this.#store
    const unique = entries.length === 1 ? entries : [...new Map(entries)]
    const keys = unique.map(([key]) => key)
    const records = this.#known.of(tags)
    const names = this.#names(keys, records.map(nameOf))
    if (names === undefined) return undefined
    if (unique.length > TOGETHER) return this.#setInParts(unique, lifetime, tags, fresh, recordLifetime)
    const head = thoughtHead(records, monotonicNow() + lifetime)
    const write = (values: readonly Argument[]) => {
      const args = [ttlOf(lifetime), `${ttlOf(recordLifetime)}\n${fresh}`, ...values]
      return this.#write(SET_TAGGED, keys, names, records, args, isTrue)
    }
    const values = all(unique.map(([key, value]) => chain(store.encode(key, value), (bytes) => joinHead(head, bytes))))
    return isPending(values) ? values.then(write) : write(values)
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
    const names = this.#names([key], records.map(this.#nameOf))
    if (names === undefined) return undefined
    const at = lease.lastIndexOf(':')
    const before = records.map(({ before = '' }) => before)
    const tags = records.flatMap(({ tag }) => tag ?? [])
    const head = [JSON.stringify(tags), ttlOf(lifetime), ttlOf(recordLifetime), fresh]
    const write = async (): Promise<boolean> => {
      const args = [...head, await store.encode(key, value), lease.slice(0, at), lease.slice(at + 1), ...before]
      return this.#write(SET_TAGGED_LEASED, [key], names, this.#known.of(tags), args, isWritten)
    }
    return write()
  }

  #setInParts(
    entries: readonly (readonly [key: string, value: unknown])[],
    ...how: [lifetime: Milliseconds, tags: readonly string[], fresh: string, recordLifetime: Milliseconds]
  ): Promise<true> {
    const parts = Array.from({ length: Math.ceil(entries.length / TOGETHER) }, (_, nth) => nth * TOGETHER)
    return Promise.all(parts.map((from) => this.set(entries.slice(from, from + TOGETHER), ...how))).then(isTrue)
  }

  #readFor(key: string, tags: readonly string[], asker: TagAsker): void {
    try {
      const records = this.#known.of(tags)
      const names = [this.#store.name(key)]
      for (const record of records) names.push(record.name)
      this.#store.read(names, new Reader(this.#store, key, names, records, asker))
    } catch (error) {
      asker.failed(error)
    }
  }

  /** Runs a script that writes values under tags, and tells when a record is not what this process may think. */
  #write<T>(
    script: Script,
    keys: readonly string[],
    names: readonly string[],
    records: readonly KnownRecord[],
    args: readonly Argument[],
    tell: (answer: unknown) => T,
  ): Promise<T> {
    const store = this.#store
    const sentAt = monotonicNow()
    return store
      .change(keys, () => store.run(script, names, args))
      .then((answer) => {
        if (Array.isArray(answer)) noteStamps(records, answer, sentAt)
        const outcome = Array.isArray(answer) ? answer[0] : answer
        if (outcome !== 1) store.changed(records.map(({ key }) => key))
        return tell(answer)
      })
  }

  /** What a script names: a pair for each key, then records; `undefined` when one cannot name all of it. */
  #names(keys: readonly string[], records: readonly string[]): string[] | undefined {
    const names: string[] = []
    for (const key of keys) names.push(...this.#store.pair(key))
    names.push(...records)
    return this.#store.mayMeet(names) ? names : undefined
  }

  readonly #nameOf = ({ key }: StepRecord): string => this.#store.name(key)
}

/** Who waits for a value and the records of its tags. */
class Reader implements Waiting<Buffer | null> {
  readonly count: number
  readonly #store: StepStore
  readonly #key: string
  readonly #name: string
  readonly #records: readonly KnownRecord[]
  readonly #asker: TagAsker

  /** @param names Of the value and of the records. */
  constructor(
    store: StepStore,
    key: string,
    names: readonly string[],
    records: readonly KnownRecord[],
    asker: TagAsker,
  ) {
    this.#store = store
    this.#key = key
    this.#name = names[0] as string
    this.count = names.length
    this.#records = records
    this.#asker = asker
  }

  settle(all: readonly (Buffer | null | Error)[], from: number): void {
    const end = from + this.count
    for (let at = from; at < end; at++) if (all[at] instanceof Error) throw all[at]
    const bytes = all[from] as Buffer | null
    const fresh = bytes && freshBytes(bytes, this.#records, all, from + 1)
    if (fresh) {
      whenReady(this.#store.decodeBare(this.#name, fresh), (value) => this.#asker.fresh(value), this.#asker)
      return
    }
    const held = all.slice(from + 1, end).map((record) => record?.toString() ?? MISS)
    const value = bytes ? this.#store.decode(this.#key, bytes) : MISS
    whenReady(value, (value) => this.#asker.found([value, ...held]), this.#asker)
  }

  failed(error: unknown): void {
    this.#asker.failed(error)
  }
}

function nameOf({ name }: KnownRecord): string {
  return name
}

function isTrue(): true {
  return true
}

function isWritten(answer: unknown): boolean {
  return answer !== 0
}

/** Goes on when an answer is there, at once if it is. */
function whenReady(answer: Awaitable<unknown>, found: (value: unknown) => void, { failed }: TagAsker): void {
  if (isPending(answer)) answer.then(found, failed)
  else found(answer)
}
