import { type Awaitable, type BackendHost, chain, isPending, MISS, type Miss } from '@cashews/core'
import type { Serializer } from '@cashews/serialization'
import { NoRoomError } from '../errors.ts'
import type { Shard } from '../files/shard.ts'
import { crc32, sumOf } from './checksum.ts'
import { type Entry, KIND, type NewEntry } from './entry.ts'
import { gather, stage } from './large-values.ts'
import { type Stored, serializedOf, storedOf } from './stored.ts'

/** A host that ignores everything. */
export const NOBODY: BackendHost = { removed() {}, error() {} }

/** A {@link NewEntry} without its key and expiry. */
export type Encoded = Pick<NewEntry, 'kind' | 'ref' | 'sum' | 'value'>

/** Converts values to rows and back. */
export class Values {
  readonly #serializer: Serializer
  /** Whether the serializer decodes asynchronously. */
  #takesTime = false

  constructor(serializer: Serializer) {
    this.#serializer = serializer
  }

  /** Prepares a value to be written. The parts of a large one are in the file afterwards. */
  encode(shard: Shard, key: string, value: unknown): Awaitable<Encoded> {
    return chain(this.#serializer.encode(key, value), (encoded) => this.stored(shard, key, encoded))
  }

  /** The same for a value that is already serialized. */
  stored(shard: Shard, key: string, encoded: Buffer | string): Awaitable<Encoded> {
    const value = storedOf(encoded)
    const { length } = typeof value === 'number' ? '' : value
    if (length <= shard.room.partBytes) return { kind: KIND.value, ref: null, sum: sumOf(crc32(key), value), value }
    if (length > shard.room.valueBytes)
      throw new NoRoomError(
        `The value of "${key}" takes ${length} bytes; with this sizeLimit and number of shards the maximum is ${shard.room.valueBytes}.`,
      )
    const bytes = typeof value === 'string' ? Buffer.from(value) : (value as Buffer)
    return stage(shard, key, bytes)
  }

  counter(key: string, count: number): Encoded {
    return { kind: KIND.value, ref: null, sum: sumOf(crc32(key), count), value: count }
  }

  /** Decodes the value of an entry that {@link checked} has passed. */
  decode(shard: Shard, key: string, entry: Entry | undefined, host: BackendHost): Awaitable<unknown> {
    if (entry?.kind === KIND.value) return this.decodeSmall(key, entry.value as Stored, host)
    return chain(this.raw(shard, key, entry), (stored) =>
      stored === MISS ? MISS : this.#serializer.decode(key, stored, host),
    )
  }

  /** Decodes the value of a row that {@link isAtHand} has passed. */
  decodeSmall(key: string, stored: Stored, host: BackendHost): Awaitable<unknown> {
    return this.#serializer.decode(key, serializedOf(stored), host)
  }

  /** The same, synchronously; {@link MISS} when decoding takes time. */
  decodeNow(key: string, stored: Stored): unknown {
    if (this.#takesTime) return MISS
    const decoded = this.decodeSmall(key, stored, NOBODY)
    if (!isPending(decoded)) return decoded
    this.#takesTime = true
    decoded.catch(() => {})
    return MISS
  }

  /** Returns the serialized value. */
  raw(shard: Shard, key: string, entry: Entry | undefined): Awaitable<Buffer | string | Miss> {
    if (entry?.kind === KIND.value) return serializedOf(entry.value as Stored)
    return entry?.kind === KIND.large ? gather(shard, key, entry) : MISS
  }
}
