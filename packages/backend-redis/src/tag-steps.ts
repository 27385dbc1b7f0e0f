import {
  type Awaitable,
  chain,
  MISS,
  type Milliseconds,
  type StepRecords,
  type TaggedLease,
  type TagSteps,
} from '@cashews/core'
import type { Argument } from './link.ts'
import type { Script } from './script.ts'
import { SET_TAGGED, SET_TAGGED_LEASED, TAKE_TAGGED_LEASE } from './scripts.ts'

/** How many values one script writes: each takes two names. */
const TOGETHER = 200

/** What {@link RedisTagSteps} asks of the store. */
export interface StepStore {
  /** The names of a value and of its lease. */
  pair(key: string): [value: string, lease: string]
  /** Whether one command may name all of these. */
  mayMeet(names: readonly string[]): boolean
  /** Whether reads are not of copies in this process. */
  readonly readsTogether: boolean
  read(names: readonly string[]): Promise<(Buffer | null)[]>
  encode(key: string, value: unknown): Awaitable<Argument>
  decode(key: string, bytes: Buffer): Awaitable<unknown>
  /** The first arguments of a script that takes a lease. */
  leaseArguments(orValue: boolean): readonly Argument[]
  /** A time to live as scripts take it. */
  ttl(lifetime: Milliseconds): Argument
  run(script: Script, names: readonly string[], args: readonly Argument[]): Promise<unknown>
  /** Makes a change of keys. */
  change<T>(keys: readonly string[], send: () => Promise<T>): Promise<T>
  /** Keys may hold something else than this process thinks. */
  changed(keys: readonly string[]): void
}

/** Values and the records of their tags in one script: a write with tags is one round trip, as without. */
export class RedisTagSteps implements TagSteps {
  readonly #store: StepStore

  constructor(store: StepStore) {
    this.#store = store
  }

  read(key: string, records: readonly string[]): Promise<unknown[]> | undefined {
    const store = this.#store
    if (!store.readsTogether) return undefined
    const names = [store.pair(key)[0]]
    for (const record of records) names.push(store.pair(record)[0])
    return store.read(names).then((found) => {
      const held: unknown[] = found.map((bytes) => bytes?.toString('latin1') ?? MISS)
      const [bytes] = found
      return chain(bytes ? store.decode(key, bytes) : MISS, (value) => {
        held[0] = value
        return held
      })
    })
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
    const unique = entries.length === 1 ? entries : [...new Map(entries)]
    if (
      this.#names(
        unique.map(([key]) => key),
        records,
      ) === undefined
    )
      return undefined
    const write = async (part: typeof entries): Promise<true> => {
      const values = await Promise.all(part.map(([key, value]) => this.#store.encode(key, value)))
      const keys = part.map(([key]) => key)
      const args = [tagsOf(records), this.#store.ttl(lifetime), this.#store.ttl(recordLifetime), fresh, ...values]
      await this.#write(SET_TAGGED, keys, records, args)
      return true
    }
    if (unique.length <= TOGETHER) return write(unique)
    const parts = Array.from({ length: Math.ceil(unique.length / TOGETHER) }, (_, nth) => nth * TOGETHER)
    return Promise.all(parts.map((from) => write(unique.slice(from, from + TOGETHER)))).then(() => true)
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
    if (this.#names([key], records) === undefined) return undefined
    const at = lease.lastIndexOf(':')
    const before = records.map(({ before = '' }) => before)
    const head = [tagsOf(records), store.ttl(lifetime), store.ttl(recordLifetime), fresh]
    const write = async (): Promise<boolean> => {
      const args = [...head, await store.encode(key, value), lease.slice(0, at), lease.slice(at + 1), ...before]
      return (await this.#write(SET_TAGGED_LEASED, [key], records, args)) !== 0
    }
    return write()
  }

  /** Runs a script that writes values under tags, and tells when a record is not what this process may think. */
  async #write(
    script: Script,
    keys: readonly string[],
    records: StepRecords['records'],
    args: readonly Argument[],
  ): Promise<unknown> {
    const names = this.#names(keys, records) as string[]
    const answer = await this.#store.change(keys, () => this.#store.run(script, names, args))
    if (answer !== 1) this.#store.changed(records.map(({ key }) => key))
    return answer
  }

  /** What a script names; `undefined` when one cannot name all of it. */
  #names(keys: readonly string[], records: StepRecords['records']): string[] | undefined {
    const names: string[] = []
    for (const key of keys) names.push(...this.#store.pair(key))
    for (const { key } of records) names.push(this.#store.pair(key)[0])
    return this.#store.mayMeet(names) ? names : undefined
  }
}

function tagsOf(records: StepRecords['records']): string {
  return JSON.stringify(records.flatMap(({ tag }) => tag ?? []))
}
