import {
  type Awaitable,
  all,
  chain,
  isPending,
  MISS,
  type Milliseconds,
  type StepRecords,
  type TagAsker,
  type TaggedLease,
  type TagSteps,
} from '@cashews/core'
import { KnownStamps, tagsIn } from './known-stamps.ts'
import type { Argument } from './link.ts'
import { monotonicNow } from './monotonic.ts'
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
  read(
    names: readonly string[],
    found: (found: readonly (Buffer | null)[]) => void,
    failed: (error: unknown) => void,
  ): void
  encode(key: string, value: unknown): Awaitable<Encoded>
  decode(key: string, bytes: Buffer): Awaitable<unknown>
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
  readonly #known = new KnownStamps()
  readonly readFor?: Exclude<TagSteps['readFor'], undefined>

  constructor(store: StepStore) {
    this.#store = store
    if (store.readsTogether) this.readFor = (...reading) => this.#readFor(...reading)
  }

  lease(key: string, { records, fresh }: StepRecords, orValue: boolean): Promise<TaggedLease> | undefined {
    const store = this.#store
    const names = this.#names([key], records)
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
    { records, fresh }: StepRecords,
    recordLifetime: Milliseconds,
  ): Promise<true> | undefined {
    const store = this.#store
    const unique = entries.length === 1 ? entries : [...new Map(entries)]
    const keys = unique.map(([key]) => key)
    const names = this.#names(keys, records)
    if (names === undefined) return undefined
    if (unique.length > TOGETHER) return this.#setInParts(unique, lifetime, { records, fresh }, recordLifetime)
    const { stamps, head } = this.#known.thought(records, monotonicNow() + lifetime)
    const args = [ttlOf(lifetime), stamps, `${ttlOf(recordLifetime)}\n${fresh}`]
    const write = (values: readonly Argument[]) =>
      this.#write(SET_TAGGED, keys, names, records, [...args, ...values], isTrue)
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
    const names = this.#names([key], records)
    if (names === undefined) return undefined
    const at = lease.lastIndexOf(':')
    const before = records.map(({ before = '' }) => before)
    const head = [JSON.stringify(tagsIn(records)), ttlOf(lifetime), ttlOf(recordLifetime), fresh]
    const write = async (): Promise<boolean> => {
      const args = [...head, await store.encode(key, value), lease.slice(0, at), lease.slice(at + 1), ...before]
      return this.#write(SET_TAGGED_LEASED, [key], names, records, args, isWritten)
    }
    return write()
  }

  #setInParts(
    entries: readonly (readonly [key: string, value: unknown])[],
    ...how: [lifetime: Milliseconds, records: StepRecords, recordLifetime: Milliseconds]
  ): Promise<true> {
    const parts = Array.from({ length: Math.ceil(entries.length / TOGETHER) }, (_, nth) => nth * TOGETHER)
    return Promise.all(parts.map((from) => this.set(entries.slice(from, from + TOGETHER), ...how))).then(isTrue)
  }

  #readFor(key: string, tags: readonly string[], records: readonly string[], asker: TagAsker): void {
    const store = this.#store
    const told = (found: readonly (Buffer | null)[]) => {
      const [bytes = null, ...held] = found
      const fresh = bytes && freshBytes(bytes, tags, held)
      if (fresh) return whenReady(store.decode(key, fresh), (value) => asker.fresh(value), asker)
      const texts = held.map((record) => record?.toString('latin1') ?? MISS)
      whenReady(bytes ? store.decode(key, bytes) : MISS, (value) => asker.found([value, ...texts]), asker)
    }
    try {
      const names = [store.name(key)]
      for (const record of records) names.push(store.name(record))
      store.read(names, told, (error) => asker.failed(error))
    } catch (error) {
      asker.failed(error)
    }
  }

  /** Runs a script that writes values under tags, and tells when a record is not what this process may think. */
  #write<T>(
    script: Script,
    keys: readonly string[],
    names: readonly string[],
    records: StepRecords['records'],
    args: readonly Argument[],
    tell: (answer: unknown) => T,
  ): Promise<T> {
    const store = this.#store
    const sentAt = monotonicNow()
    return store
      .change(keys, () => store.run(script, names, args))
      .then((answer) => {
        if (Array.isArray(answer)) this.#known.note(records, answer, sentAt)
        const outcome = Array.isArray(answer) ? answer[0] : answer
        if (outcome !== 1) store.changed(records.map(({ key }) => key))
        return tell(answer)
      })
  }

  /** What a script names; `undefined` when one cannot name all of it. */
  #names(keys: readonly string[], records: StepRecords['records']): string[] | undefined {
    const names: string[] = []
    for (const key of keys) names.push(...this.#store.pair(key))
    for (const { key } of records) names.push(this.#store.name(key))
    return this.#store.mayMeet(names) ? names : undefined
  }
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
