import { type Awaitable, type BackendHost, chain, isPending, MISS, type Milliseconds, type Miss } from '@cashews/core'
import type { Serializer } from '@cashews/serialization'
import { crc32 } from './checksum.ts'
import { type Entry, isAlive, KIND, type NewEntry, type Peek, type PeekAt, pick, type Stored } from './entry.ts'
import { DamagedValueError, NoRoomError } from './errors.ts'
import { free } from './free.ts'
import type { Shard } from './shard.ts'
import { turn } from './turn.ts'

/** How long staged parts may wait for their entry before they are garbage, in milliseconds. */
const STAGING = 60_000
/** How often a large value may be replaced while it is being read. */
const MOST_TRIES = 5
/** A host that ignores everything. */
export const NOBODY: BackendHost = { removed() {}, error() {} }
const WHOLE_NUMBER = /^-?\d{1,16}$/

/** A {@link NewEntry} without its key and expiry. */
export type Encoded = Pick<NewEntry, 'kind' | 'ref' | 'sum' | 'value'>

/**
 * Converts values to rows and back. Large ones are written and read part by part, so that nothing is blocked for long.
 */
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
    const value = asNumber(encoded)
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
    return this.#serializer.decode(key, written(stored), host)
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
    if (entry?.kind === KIND.value) return written(entry.value as Stored)
    return entry?.kind === KIND.large ? gather(shard, key, entry) : MISS
  }
}

/**
 * Returns an entry whose value is the one that was written.
 *
 * @throws {DamagedValueError} When it is not.
 */
export function checked(key: string, entry: Entry | undefined): Entry | undefined {
  if (entry?.kind === KIND.value && sumOf(crc32(key), entry.value as Stored) !== entry.sum) throw damaged(key)
  return entry
}

/**
 * Whether a row holds a small value that has not expired and matches its checksum, which begins with that of the key.
 */
export function isAtHand(row: Peek | PeekAt, hash: number, now: Milliseconds): boolean {
  const sum = row[1]
  return sum >= 0 && isAlive({ expiresAt: row[2], usedAt: row[3] }, now) && sumOf(hash, row[0]) === sum
}

/**
 * Writes the parts of a value and returns the entry that will refer to them. Frees `bytes`, which the caller must own.
 */
async function stage(shard: Shard, key: string, bytes: Buffer): Promise<Encoded> {
  const ref = pick()
  await shard.write((file) => file.run('INSERT INTO garbage VALUES (?, ?)', ref, file.now() + STAGING))
  const { partBytes } = shard.room
  let sum = crc32(key)
  for (let part = 0; part * partBytes < bytes.length; part++) {
    await turn()
    const some = bytes.subarray(part * partBytes, (part + 1) * partBytes)
    sum = crc32(some, sum)
    await shard.write((file) => {
      file.run('INSERT INTO parts VALUES (?, ?, ?)', ref, part, some)
      file.wrote(some.length)
    })
  }
  const encoded = { kind: KIND.large, ref, sum, value: bytes.length }
  free(bytes)
  return encoded
}

/** Reads all parts of a value. Starts over when it was replaced meanwhile. */
async function gather(shard: Shard, key: string, entry: Entry, tries = 1): Promise<Buffer | string | Miss> {
  const bytes = await readParts(shard, key, entry)
  if (bytes !== MISS) return bytes
  const now = await shard.read((file) => checked(key, file.find(key)))
  if (now?.kind === KIND.value) return written(now.value as Stored)
  if (now?.kind !== KIND.large || tries === MOST_TRIES) return MISS
  if (now.stamp !== entry.stamp) return gather(shard, key, now, tries + 1)
  shard.replace(damaged(key))
  return MISS
}

/** Returns the bytes that were written; {@link MISS} when some are missing or damaged. */
async function readParts(shard: Shard, key: string, { ref, value, sum }: Entry): Promise<Buffer | Miss> {
  const bytes = Buffer.allocUnsafeSlow(value as number)
  let found = crc32(key)
  for (let part = 0, at = 0; at < bytes.length; part++) {
    const row = await shard.read((file) =>
      file.get<{ bytes: Buffer }>('SELECT bytes FROM parts WHERE ref = ? AND part = ?', ref, part),
    )
    if (row === undefined || row.bytes.length === 0) return MISS
    found = crc32(row.bytes, found)
    at += row.bytes.copy(bytes, at)
    free(row.bytes)
    await turn()
  }
  return found === sum ? bytes : MISS
}

function damaged(key: string): DamagedValueError {
  return new DamagedValueError(`the value of "${key}" is not the one that was written`)
}

function sumOf(hash: number, value: Stored): number {
  return crc32(typeof value === 'number' ? String(value) : value, hash)
}

/** Counters are stored as numbers, so that `incr` needs no decoding. */
function asNumber(encoded: Buffer | string): Stored {
  if (typeof encoded !== 'string' || !WHOLE_NUMBER.test(encoded)) return encoded
  const number = Number(encoded)
  return String(number) === encoded ? number : encoded
}

/** The serialized form of a stored value. */
function written(stored: Stored): Buffer | string {
  return typeof stored === 'number' ? String(stored) : stored
}
