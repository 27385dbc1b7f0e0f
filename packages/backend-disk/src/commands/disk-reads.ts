import {
  type Awaitable,
  type BackendHost,
  type Clock,
  chain,
  isPending,
  MISS,
  type Milliseconds,
  type Miss,
  recover,
  type Snapshot,
  stampsBeside,
} from '@cashews/core'
import type { Shard } from '../files/shard.ts'
import type { ShardFile } from '../files/shard-file.ts'
import { hashOf, type Shards } from '../files/shards.ts'
import { checked, isAtHand } from '../values/checksum.ts'
import { contentOf } from '../values/contents.ts'
import { type Entry, type PeekAt, timeUntil } from '../values/entry.ts'
import { NOBODY, type Values } from '../values/values.ts'
import { inBatches } from './batches.ts'

/** A key that was deleted, and what it held. */
export interface Taken {
  readonly key: string
  readonly entry: Entry
}

/** Reads values, and records that they were used. */
export class DiskReads {
  readonly #shards: Shards
  readonly #values: Values
  readonly #clock: Clock
  readonly #host: BackendHost

  constructor(shards: Shards, values: Values, clock: Clock, host: BackendHost) {
    this.#shards = shards
    this.#values = values
    this.#clock = clock
    this.#host = host
  }

  get(key: string): Awaitable<unknown> {
    const shard = this.#shards.of(key)
    return chain(this.#read(shard, key), (entry) => this.#values.decode(shard, key, entry, this.#host))
  }

  /** Returns a small value of an open file; for anything else it misses, and {@link get} does the work. */
  getNow(key: string): unknown {
    const hash = hashOf(key)
    const shard = this.#shards.at(hash)
    try {
      const row = shard.fileAtHand?.peek(key)
      if (row === undefined) return MISS
      const now = this.#clock.now()
      if (!isAtHand(row, hash, now)) return MISS
      shard.used(key, row[3], now)
      return this.#values.decodeNow(key, row[0])
    } catch {
      return MISS
    }
  }

  async getMany(keys: readonly string[]): Promise<unknown[]> {
    const hashes = keys.map(hashOf)
    const found: unknown[] = new Array(keys.length).fill(MISS)
    await inBatches(this.#shards.all, hashes, async (shard, places) => {
      const some = places.map((at) => keys[at] as string)
      const read = shard.read((file) => file.peekMany(some))
      const rows = isPending(read) ? await read : read
      const now = this.#clock.now()
      for (const row of rows) {
        const at = places[row[4]] as number
        const key = keys[at] as string
        const value = isAtHand(row, hashes[at] as number, now) ? this.#decode(shard, key, row, now) : this.get(key)
        found[at] = isPending(value) ? await value : value
      }
    })
    return found
  }

  /** Returns the serialized value; a value with tags is decoded, because core has to see its tags. */
  getRaw(key: string): Awaitable<unknown> {
    const shard = this.#shards.of(key)
    return chain(this.#read(shard, key), (entry) =>
      chain(this.#values.raw(shard, key, entry), (bytes) => {
        if (bytes === MISS) return bytes
        const decoded = recover(
          () => this.#values.decode(shard, key, entry, NOBODY),
          () => undefined,
        )
        return chain(decoded, (value) => (stampsBeside(value) ? value : bytes))
      }),
    )
  }

  /** Returns the values that entries had; `undefined` for what is no value, or cannot be read any more. */
  async valuesOf(taken: readonly Taken[]): Promise<unknown[]> {
    const values: unknown[] = []
    const hashes = taken.map(({ key }) => hashOf(key))
    await inBatches(this.#shards.all, hashes, async (shard, places) => {
      for (const { key, entry } of places.map((at) => taken[at] as Taken)) {
        const value = recover(
          () => this.#values.decode(shard, key, checked(key, entry), NOBODY),
          () => undefined,
        )
        values.push(isPending(value) ? await value : value)
      }
    })
    return values
  }

  inspect(key: string): Awaitable<Snapshot | Miss> {
    const shard = this.#shards.of(key)
    const found = shard.read((file) => {
      const entry = this.#find(shard, file, key)
      return entry && { entry, content: contentOf(file, entry) }
    })
    return chain(found, (found) => {
      if (found === undefined) return MISS
      const { entry, content } = found
      const timeLeft = timeUntil(entry.expiresAt, this.#clock.now())
      return chain(this.#values.decode(shard, key, entry, this.#host), (value) => ({
        value,
        timeLeft,
        stamp: entry.stamp,
        ...(content && { content }),
      }))
    })
  }

  #read(shard: Shard, key: string): Awaitable<Entry | undefined> {
    return shard.read((file) => this.#find(shard, file, key))
  }

  #find(shard: Shard, file: ShardFile, key: string): Entry | undefined {
    const now = this.#clock.now()
    const entry = checked(key, file.find(key, now))
    if (entry !== undefined) shard.used(key, entry.usedAt, now)
    return entry
  }

  #decode(shard: Shard, key: string, row: PeekAt, now: Milliseconds): Awaitable<unknown> {
    shard.used(key, row[3], now)
    return this.#values.decodeSmall(key, row[0], this.#host)
  }
}
