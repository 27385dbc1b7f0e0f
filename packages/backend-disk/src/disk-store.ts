import {
  type Awaitable,
  type Backend,
  type BackendBase,
  type BackendHost,
  CommandError,
  chain,
  checkText,
  type Expectation,
  type Guard,
  type Guarded,
  type GuardOptions,
  guard,
  isPending,
  type KindWrite,
  type LockExpectation,
  MISS,
  type Milliseconds,
  type Miss,
  type Snapshot,
  stampsBeside,
  type Write,
  WrongTypeError,
} from '@cashews/core'
import { rawOf, type Serializer } from '@cashews/serialization'
import { inBatches } from './batches.ts'
import { Checkpointer } from './checkpointer.ts'
import { crc32 } from './checksum.ts'
import { contentOf, sizeOf } from './contents.ts'
import { DiskBits } from './disk-bits.ts'
import { DiskKeys } from './disk-keys.ts'
import { DiskLeases } from './disk-leases.ts'
import { DiskLocks, keyOfLock } from './disk-locks.ts'
import { DiskSets } from './disk-sets.ts'
import { DiskWindows } from './disk-windows.ts'
import { type Entry, endOf, KIND, type NewEntry, type PeekAt, timeUntil } from './entry.ts'
import { NoRoomError } from './errors.ts'
import { Janitor } from './janitor.ts'
import { keptEnd } from './kinds.ts'
import { putLeased } from './leases.ts'
import { Pace } from './pace.ts'
import type { DiskSettings } from './settings.ts'
import { Shard } from './shard.ts'
import type { ShardFile } from './shard-file.ts'
import { claim, expire, holds, make, placeOf } from './steps.ts'
import { writeTogether } from './together.ts'
import { turn } from './turn.ts'
import { UnderWay } from './under-way.ts'
import { checked, type Encoded, isAtHand, NOBODY, Values } from './values.ts'

/** How old the last recorded use of a key must be before another one is recorded. */
const USED_LATELY: Milliseconds = 100
/** The share of its timeout in which a write must be done, since the guard starts its clock before the store does. */
const IN_TIME = 0.9

type Base = Omit<BackendBase, 'apply'> & Partial<Backend>

/** When and how a value is written. */
interface Put {
  readonly lifetime: Milliseconds
  /** Write only if the key exists, or only if it does not. */
  readonly exists?: boolean | undefined
  /** When the command was called, by `performance.now()`. */
  readonly since: Milliseconds
}

/**
 * A store in SQLite files, without tags. Members answer synchronously unless the file is busy, damaged or full, or the
 * value is large.
 */
export class DiskStore implements Base {
  readonly name = 'disk'
  /** The absolute path of the directory that holds the files. */
  readonly directory: string
  readonly locks: DiskLocks
  readonly leases: DiskLeases
  readonly bits: DiskBits
  readonly sets: DiskSets
  readonly windows: DiskWindows
  readonly #shards: readonly Shard[]
  readonly #values: Values
  readonly #checkpointer: Checkpointer
  readonly #pace = new Pace()
  readonly #underWay = new UnderWay()
  readonly #janitor: Janitor
  readonly #keys: DiskKeys
  readonly #settings: DiskSettings
  #host: BackendHost = NOBODY

  constructor(settings: DiskSettings, serializer: Serializer) {
    this.#settings = settings
    this.directory = settings.directory
    this.#checkpointer = new Checkpointer(settings.synchronous)
    this.#values = new Values(serializer)
    const owner = {
      removed: (key: string, reason: 'evicted' | 'expired') => this.#host.removed(key, reason),
      error: (error: unknown) => this.#host.error(error),
      wake: () => this.#janitor.wake(),
    }
    this.#shards = Array.from(
      { length: settings.shards },
      (_, at) =>
        new Shard(at, settings, {
          checkpointer: this.#checkpointer,
          pace: this.#pace,
          underWay: this.#underWay,
          owner,
        }),
    )
    this.#janitor = new Janitor(this.#shards, settings.checkInterval)
    this.#keys = new DiskKeys(this.#shards, settings.clock)
    const shardOf = (key: string) => this.#shardOf(key)
    this.locks = new DiskLocks((name) => this.#shardOf(keyOfLock(name)))
    this.bits = new DiskBits(shardOf)
    this.sets = new DiskSets(shardOf)
    this.windows = new DiskWindows(shardOf)
    this.leases = new DiskLeases({
      shardOf,
      get: (key) => this.get(key),
      store: (key, value, lifetime, lease) =>
        this.#store(key, value, (shard, encoded, since) =>
          shard.write((file) => {
            const expiresAt = endOf(lifetime, file.now())
            return putLeased(file, { key, expiresAt, ...encoded }, lease, () => claim(file, encoded))
          }, since),
        ),
      voidMatch: (pattern) => this.#keys.voidLeases(pattern),
    })
  }

  /** Opens the first file. The others are opened on first use. */
  open(host: BackendHost): Awaitable<void> {
    this.#host = host
    for (const shard of this.#shards) shard.isClosed = false
    const [first] = this.#shards
    return chain((first as Shard).open(), () => this.#janitor.start())
  }

  /** Waits for removals under way: whoever opens these files next would find the removed keys again. */
  async close(): Promise<void> {
    this.#janitor.stop()
    await turn() // Commands called in this turn have started by then.
    await this.#underWay.ended()
    for (const shard of this.#shards) {
      shard.close()
      await turn()
    }
    await this.#checkpointer.close()
  }

  /**
   * Lets no write be attempted once its caller was told that it failed: it would undo what the caller has done since.
   */
  guard(store: Guarded, options: GuardOptions): Guard {
    for (const shard of this.#shards) shard.patience = options.writeTimeout * IN_TIME
    return guard(store, options)
  }

  now(): Milliseconds {
    return this.#settings.clock.now()
  }

  // Values

  get(key: string): Awaitable<unknown> {
    const shard = this.#shardOf(key)
    return chain(this.#read(shard, key), (entry) => this.#values.decode(shard, key, entry, this.#host))
  }

  /** Returns a small value of an open file; for anything else it misses, and {@link get} does the work. */
  getNow(key: string): unknown {
    const hash = hashOf(key)
    const shard = this.#shards[hash % this.#shards.length] as Shard
    try {
      const row = shard.fileAtHand?.peek(key)
      if (row === undefined) return MISS
      const now = this.now()
      if (!isAtHand(row, hash, now)) return MISS
      this.#noteUse(shard, key, row[3], now)
      return this.#values.decodeNow(key, row[0])
    } catch {
      return MISS
    }
  }

  async getMany(keys: readonly string[]): Promise<unknown[]> {
    const hashes = keys.map(hashOf)
    const found: unknown[] = new Array(keys.length).fill(MISS)
    await inBatches(this.#shards, hashes, async (shard, places) => {
      const some = places.map((at) => keys[at] as string)
      const read = shard.read((file) => file.peekMany(some))
      const rows = isPending(read) ? await read : read
      const now = this.now()
      for (const row of rows) {
        const at = places[row[4]] as number
        const key = keys[at] as string
        const value = isAtHand(row, hashes[at] as number, now) ? this.#decode(shard, key, row, now) : this.get(key)
        found[at] = isPending(value) ? await value : value
      }
    })
    return found
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean> {
    return this.#store(key, value, (shard, encoded, since) =>
      this.#set(shard, key, encoded, { lifetime, exists, since }),
    )
  }

  async setMany(entries: readonly (readonly [key: string, value: unknown])[], lifetime: Milliseconds): Promise<void> {
    const keys = entries.map(([key]) => key)
    const since = performance.now()
    await inBatches(this.#shards, keys.map(hashOf), async (shard, places) => {
      const made: NewEntry[] = []
      for (const at of places) {
        const [key, value] = entries[at] as readonly [string, unknown]
        await this.#ifThereIsRoom(shard, key, async () => {
          const encoded = this.#values.encode(shard, key, value)
          made.push({ key, expiresAt: null, ...(isPending(encoded) ? await encoded : encoded) })
          return true
        })
      }
      await this.#ifThereIsRoom(shard, undefined, () =>
        shard.write((file) => {
          const expiresAt = endOf(lifetime, file.now())
          for (const entry of made) {
            claim(file, entry)
            file.put({ ...entry, expiresAt })
          }
          return true
        }, since),
      )
    })
  }

  delete(key: string): Awaitable<boolean> {
    return this.#shardOf(key).remove((file) => file.delete(key))
  }

  deleteMany(keys: readonly string[]): Promise<number> {
    return this.#underWay.note(this.#deleteMany(keys))
  }

  async #deleteMany(keys: readonly string[]): Promise<number> {
    let gone = 0
    await inBatches(this.#shards, keys.map(hashOf), async (shard, places) => {
      gone += await shard.remove((file) => places.filter((at) => file.delete(keys[at] as string)).length)
    })
    return gone
  }

  incr(key: string, by: number, lifetime: Milliseconds): Awaitable<number> {
    if (!Number.isSafeInteger(by)) throw new CommandError(`Cannot add ${by} to "${key}": it is not a whole number.`)
    const shard = this.#shardOf(key)
    return shard.write((file) => {
      const entry = checked(key, file.find(key))
      const count = entry === undefined ? 0 : entry.kind === KIND.value ? entry.value : undefined
      const sum = Number.isSafeInteger(count) ? (count as number) + by : Number.NaN
      if (!Number.isSafeInteger(sum))
        throw new WrongTypeError(`Key "${key}" does not hold a whole number that ${by} can be added to.`)
      file.put({ key, expiresAt: keptEnd(file, entry, lifetime), ...this.#values.counter(key, sum) })
      return sum
    })
  }

  exists(key: string): Awaitable<boolean> {
    return this.#shardOf(key).read((file) => file.find(key) !== undefined)
  }

  expire(key: string, lifetime: Milliseconds): Awaitable<boolean> {
    return this.#shardOf(key).write((file) => expire(file, key, lifetime))
  }

  timeLeft(key: string): Awaitable<Milliseconds | Miss> {
    return this.#shardOf(key).read((file) => {
      const entry = file.find(key)
      return entry === undefined ? MISS : timeUntil(entry.expiresAt, file.now())
    })
  }

  size(key: string): Awaitable<number> {
    return this.#shardOf(key).read((file) => {
      const entry = file.find(key)
      return entry === undefined ? 0 : sizeOf(file, key, entry)
    })
  }

  /** Returns the serialized value; a value with tags is decoded, because core has to see its tags. */
  getRaw(key: string): Awaitable<unknown> {
    const shard = this.#shardOf(key)
    return chain(this.#read(shard, key), (entry) =>
      chain(this.#values.raw(shard, key, entry), (bytes) => {
        if (bytes === MISS) return bytes
        return chain(this.#values.decode(shard, key, entry, NOBODY), (value) => (stampsBeside(value) ? value : bytes))
      }),
    )
  }

  setRaw(key: string, value: unknown, lifetime: Milliseconds): Awaitable<boolean> {
    if (stampsBeside(value)) return this.set(key, value, lifetime)
    const shard = this.#shardOf(key)
    const raw = rawOf(value)
    return this.#ifThereIsRoom(shard, key, () =>
      chain(this.#values.stored(shard, key, raw), (encoded) =>
        this.#set(shard, key, encoded, { lifetime, since: performance.now() }),
      ),
    )
  }

  // All keys

  scan(pattern: string, batchSize: number): AsyncGenerator<string> {
    return this.#keys.scan(pattern, batchSize)
  }

  deleteMatch(pattern: string): Promise<number> {
    return this.#underWay.note(this.#keys.deleteMatch(pattern))
  }

  async clear(): Promise<void> {
    await this.#underWay.note(this.#keys.clear())
    this.#janitor.wake()
  }

  count(): Promise<number> {
    return this.#keys.count()
  }

  /** Answers once every file has been written to. */
  async ping(message: string): Promise<string> {
    for (const shard of this.#shards) await shard.write(() => {})
    return message
  }

  // Transactions

  inspect(key: string): Awaitable<Snapshot | Miss> {
    const shard = this.#shardOf(key)
    const found = shard.read((file) => {
      const entry = this.#find(shard, file, key)
      return entry && { entry, content: contentOf(file, entry) }
    })
    return chain(found, (found) => {
      if (found === undefined) return MISS
      const { entry, content } = found
      const timeLeft = timeUntil(entry.expiresAt, this.now())
      return chain(this.#values.decode(shard, key, entry, this.#host), (value) => ({
        value,
        timeLeft,
        stamp: entry.stamp,
        ...(content && { content }),
      }))
    })
  }

  apply(
    expectations: readonly (Expectation | LockExpectation)[],
    writes: readonly (Write | KindWrite)[],
  ): Awaitable<boolean> {
    const involved = new Set([...expectations, ...writes].map((one) => this.#shardOf(placeOf(one))))
    const shards = this.#shards.filter((shard) => involved.has(shard))
    if (shards.length === 0) return true
    for (const shard of shards) shard.settle()
    const fileOf = (one: Expectation | LockExpectation | Write | KindWrite) => this.#shardOf(placeOf(one)).file
    const apply = (made: readonly (Encoded | undefined)[]): Awaitable<boolean> =>
      writeTogether(shards, this.#pace, () => {
        if (!expectations.every((expectation) => holds(fileOf(expectation), expectation))) return false
        for (const [at, write] of writes.entries()) make(fileOf(write), write, made[at])
        return true
      })
    const made = writes.map((write) =>
      write.op === 'set' ? this.#values.encode(this.#shardOf(write.key), write.key, write.value) : undefined,
    )
    return made.some(isPending) ? Promise.all(made).then(apply) : apply(made as (Encoded | undefined)[])
  }

  #shardOf(key: string): Shard {
    const { length } = this.#shards
    checkText('key', key)
    return this.#shards[length === 1 ? 0 : crc32(key) % length] as Shard
  }

  #read(shard: Shard, key: string): Awaitable<Entry | undefined> {
    return shard.read((file) => this.#find(shard, file, key))
  }

  #decode(shard: Shard, key: string, row: PeekAt, now: Milliseconds): Awaitable<unknown> {
    this.#noteUse(shard, key, row[3], now)
    return this.#values.decodeSmall(key, row[0], this.#host)
  }

  #find(shard: Shard, file: ShardFile, key: string): Entry | undefined {
    const now = this.now()
    const entry = checked(key, file.find(key, now))
    if (entry !== undefined) this.#noteUse(shard, key, entry.usedAt, now)
    return entry
  }

  #noteUse(shard: Shard, key: string, usedAt: Milliseconds, now: Milliseconds): void {
    if (now - usedAt > USED_LATELY) shard.used(key)
  }

  /** Encodes a value, and writes it if there is room. */
  #store(
    key: string,
    value: unknown,
    write: (shard: Shard, encoded: Encoded, since: Milliseconds) => Awaitable<boolean>,
  ): Awaitable<boolean> {
    const shard = this.#shardOf(key)
    return this.#ifThereIsRoom(shard, key, () => {
      const encoded = this.#values.encode(shard, key, value)
      // Not before: a caller cannot be told that it failed before this turn ends, which encoding may make a long one.
      const since = performance.now()
      return chain(encoded, (ready) => write(shard, ready, since))
    })
  }

  #set(shard: Shard, key: string, encoded: Encoded, { lifetime, exists, since }: Put): Awaitable<boolean> {
    if (exists === undefined && encoded.kind === KIND.value)
      return shard.writeOnce((file) => {
        file.put({ key, expiresAt: endOf(lifetime, file.now()), ...encoded })
        return true
      }, since)
    return shard.write((file) => {
      if (exists !== undefined && exists !== (file.find(key) !== undefined)) return false
      claim(file, encoded)
      file.put({ key, expiresAt: endOf(lifetime, file.now()), ...encoded })
      return true
    }, since)
  }

  /** Returns false when there is no room for a value. What it would have replaced is outdated, and is removed too. */
  #ifThereIsRoom(shard: Shard, key: string | undefined, write: () => Awaitable<boolean>): Awaitable<boolean> {
    const refuse = (error: unknown): Awaitable<boolean> => {
      if (!(error instanceof NoRoomError)) throw error
      shard.refused(error)
      if (key === undefined) return false
      const replaced = shard.read((file) => file.find(key) !== undefined)
      const removed = chain(replaced, (isThere) => isThere && shard.remove((file) => file.delete(key)))
      return chain(removed, () => false)
    }
    try {
      const written = write()
      return isPending(written) ? written.catch(refuse) : written
    } catch (error) {
      return refuse(error)
    }
  }
}

/**
 * The checksum of a key, which picks its shard and begins the checksum of its value.
 *
 * @throws {CommandError} When the key holds a lone surrogate.
 */
function hashOf(key: string): number {
  checkText('key', key)
  return crc32(key)
}
