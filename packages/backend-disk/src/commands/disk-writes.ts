import { type Awaitable, chain, isPending, type Milliseconds, recover, stampsBeside, sumOf } from '@cashews/core'
import { rawOf } from '@cashews/serialization'
import { NoRoomError } from '../errors.ts'
import type { Shard } from '../files/shard.ts'
import { hashOf, type Shards } from '../files/shards.ts'
import { checked } from '../values/checksum.ts'
import { endOf, KIND, type NewEntry } from '../values/entry.ts'
import { claim } from '../values/large-values.ts'
import type { Encoded, Values } from '../values/values.ts'
import { inBatches } from './batches.ts'
import { keptEnd } from './kinds.ts'
import { putLeased } from './leases.ts'

/** When and how a value is written. */
interface Put {
  readonly lifetime: Milliseconds
  /** Write only if the key exists, or only if it does not. */
  readonly exists?: boolean | undefined
  /** When to stop trying. */
  readonly last: Milliseconds
}

/** Writes values. One for which there is no room is not written, and what it would have replaced is removed. */
export class DiskWrites {
  readonly #shards: Shards
  readonly #values: Values

  constructor(shards: Shards, values: Values) {
    this.#shards = shards
    this.#values = values
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean> {
    return this.#store(key, value, (shard, encoded, last) => put(shard, key, encoded, { lifetime, exists, last }))
  }

  /** Writes a value if a lease still holds. */
  setLeased(key: string, value: unknown, lifetime: Milliseconds, lease: string): Awaitable<boolean> {
    return this.#store(key, value, (shard, encoded, last) =>
      shard.write((file) => {
        const expiresAt = endOf(lifetime, file.now())
        return putLeased(file, { key, expiresAt, ...encoded }, lease, () => claim(file, encoded))
      }, last),
    )
  }

  setRaw(key: string, value: unknown, lifetime: Milliseconds): Awaitable<boolean> {
    if (stampsBeside(value)) return this.set(key, value, lifetime)
    const shard = this.#shards.of(key)
    const raw = rawOf(value)
    return ifThereIsRoom(shard, [key], () => {
      const last = shard.lastFor(1)
      return chain(this.#values.stored(shard, key, raw), (encoded) => put(shard, key, encoded, { lifetime, last }))
    })
  }

  async setMany(entries: readonly (readonly [key: string, value: unknown])[], lifetime: Milliseconds): Promise<void> {
    const last = this.#shards.at(0).lastFor(entries.length)
    const hashes = entries.map(([key]) => hashOf(key))
    await inBatches(this.#shards.all, hashes, async (shard, places) => {
      const some = places.map((at) => entries[at] as readonly [string, unknown])
      const encoded = await this.#encodeAll(shard, some)
      const keys = encoded.map(({ key }) => key)
      await ifThereIsRoom(shard, keys, () =>
        shard.write((file) => {
          const expiresAt = endOf(lifetime, file.now())
          for (const entry of encoded) {
            claim(file, entry)
            file.put({ ...entry, expiresAt })
          }
          return true
        }, last),
      )
    })
  }

  incr(key: string, by: number, lifetime: Milliseconds): Awaitable<number> {
    return this.#shards.of(key).write((file) => {
      const entry = checked(key, file.find(key))
      const count = entry === undefined ? 0 : entry.kind === KIND.value ? entry.value : undefined
      const sum = sumOf(key, count, by)
      file.put({ key, expiresAt: keptEnd(file, entry, lifetime), ...this.#values.counter(key, sum) })
      return sum
    })
  }

  /** Encodes a value, and writes it if there is room. */
  #store(
    key: string,
    value: unknown,
    write: (shard: Shard, encoded: Encoded, last: Milliseconds) => Awaitable<boolean>,
  ): Awaitable<boolean> {
    const shard = this.#shards.of(key)
    return ifThereIsRoom(shard, [key], () => {
      const encoded = this.#values.encode(shard, key, value)
      // Not before: a caller cannot be told that it failed before this turn ends, which encoding may make a long one.
      const last = shard.lastFor(1)
      return chain(encoded, (ready) => write(shard, ready, last))
    })
  }

  /** Encodes values of one shard, but for those that are too large. */
  async #encodeAll(shard: Shard, entries: readonly (readonly [key: string, value: unknown])[]): Promise<NewEntry[]> {
    const made: NewEntry[] = []
    for (const [key, value] of entries)
      await ifThereIsRoom(shard, [key], async () => {
        const encoded = this.#values.encode(shard, key, value)
        made.push({ key, expiresAt: null, ...(isPending(encoded) ? await encoded : encoded) })
        return true
      })
    return made
  }
}

function put(shard: Shard, key: string, encoded: Encoded, { lifetime, exists, last }: Put): Awaitable<boolean> {
  if (exists === undefined && encoded.kind === KIND.value)
    return shard.writeOnce((file) => {
      file.put({ key, expiresAt: endOf(lifetime, file.now()), ...encoded })
      return true
    }, last)
  return shard.write((file) => {
    if (exists !== undefined && exists !== (file.find(key) !== undefined)) return false
    claim(file, encoded)
    file.put({ key, expiresAt: endOf(lifetime, file.now()), ...encoded })
    return true
  }, last)
}

/** Returns false when there is no room. What would have been replaced is outdated, and is removed too. */
function ifThereIsRoom(shard: Shard, keys: readonly string[], write: () => Awaitable<boolean>): Awaitable<boolean> {
  return recover(write, (error) => {
    if (!(error instanceof NoRoomError)) throw error
    shard.refused(error)
    const outdated = shard.read((file) => keys.filter((key) => file.find(key) !== undefined))
    const removed = chain(
      outdated,
      (outdated) => outdated.length > 0 && shard.remove((file) => outdated.map((key) => file.delete(key))),
    )
    return chain(removed, () => false)
  })
}
