import { type Awaitable, isPending, MISS, type TagAsker } from '@cashews/core'
import type { Waiting } from '../keys/read-batch.ts'
import type { StoredValues } from '../values/stored-values.ts'
import type { RecordsOfTags } from './known-records.ts'

/** Waits for a value and the records of its tags, and passes the value on to an asker. */
export class TaggedReader implements Waiting<Buffer | null> {
  readonly count: number
  readonly #values: StoredValues
  readonly #key: string
  readonly #name: string
  readonly #known: RecordsOfTags
  readonly #asker: TagAsker

  /** @param name The name of the value. */
  constructor(values: StoredValues, key: string, name: string, known: RecordsOfTags, asker: TagAsker) {
    this.count = 1 + known.records.length
    this.#values = values
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
    const value = this.#values.decodeBare(this.#name, (bytes as Buffer).subarray(start))
    this.#whenReady(value, (value) => this.#asker.fresh(value))
  }

  /** Passes on everything that was read, because the head is not the expected one. */
  #settleOther(all: readonly (Buffer | null | Error)[]): void {
    const [bytes, ...records] = all
    for (const one of all) if (one instanceof Error) throw one
    const held = records.map((record) => record?.toString() ?? MISS)
    const value = bytes ? this.#values.decode(this.#key, bytes as Buffer) : MISS
    this.#whenReady(value, (value) => this.#asker.found([value, ...held]))
  }

  /** Calls `found` with a value, at once if it is there already. */
  #whenReady(value: Awaitable<unknown>, found: (value: unknown) => void): void {
    if (isPending(value)) value.then(found).catch((error) => this.failed(error))
    else found(value)
  }

  failed(error: unknown): void {
    this.#asker.failed(error)
  }
}
