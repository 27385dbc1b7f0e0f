import {
  type Awaitable,
  type Backend,
  type BackendBase,
  type BackendHost,
  chain,
  type Expectation,
  type Guard,
  type Guarded,
  type GuardOptions,
  guard,
  type KindWrite,
  type LockExpectation,
  MISS,
  type Milliseconds,
  type Miss,
  type RemovalReason,
  type Snapshot,
  type Write,
} from '@cashews/core'
import type { Serializer } from '@cashews/serialization'
import { DiskApply } from './commands/apply.ts'
import { inBatches } from './commands/batches.ts'
import { DiskBits } from './commands/disk-bits.ts'
import { DiskKeys } from './commands/disk-keys.ts'
import { DiskLeases } from './commands/disk-leases.ts'
import { DiskLocks } from './commands/disk-locks.ts'
import { DiskReads, type Taken } from './commands/disk-reads.ts'
import { DiskSets } from './commands/disk-sets.ts'
import { DiskWindows } from './commands/disk-windows.ts'
import { DiskWrites } from './commands/disk-writes.ts'
import { Checkpointer } from './files/checkpointer.ts'
import { Pace } from './files/pace.ts'
import { Patience } from './files/patience.ts'
import { Shard } from './files/shard.ts'
import { hashOf, Shards } from './files/shards.ts'
import { turn } from './files/turn.ts'
import { UnderWay } from './files/under-way.ts'
import type { DiskSettings } from './settings.ts'
import { Janitor } from './upkeep/janitor.ts'
import { sizeOf } from './values/contents.ts'
import { timeUntil } from './values/entry.ts'
import { NOBODY, Values } from './values/values.ts'

/** The share of its timeout in which a write must be done, since the guard starts its clock before the store does. */
const IN_TIME = 0.9

type Base = Omit<BackendBase, 'apply'> & Partial<Backend>

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
  readonly #shards: Shards
  readonly #reads: DiskReads
  readonly #writes: DiskWrites
  readonly #apply: DiskApply
  readonly #keys: DiskKeys
  readonly #checkpointer: Checkpointer
  readonly #underWay = new UnderWay()
  readonly #janitor: Janitor
  readonly #settings: DiskSettings
  readonly #patience = new Patience()
  #host: BackendHost = NOBODY
  /** The closing that is under way. */
  #closing: Promise<void> | undefined

  constructor(settings: DiskSettings, serializer: Serializer) {
    this.#settings = settings
    this.directory = settings.directory
    this.#checkpointer = new Checkpointer(settings.synchronous)
    const pace = new Pace()
    const owner = {
      removed: (key: string, reason: RemovalReason) => this.#host.removed(key, reason),
      error: (error: unknown) => this.#host.error(error),
      wake: () => this.#janitor.wake(),
    }
    const shared = { checkpointer: this.#checkpointer, pace, patience: this.#patience, underWay: this.#underWay, owner }
    const shards = new Shards(Array.from({ length: settings.shards }, (_, at) => new Shard(at, settings, shared)))
    const values = new Values(serializer)
    this.#shards = shards
    this.#janitor = new Janitor(shards.all, settings.checkInterval)
    this.#reads = new DiskReads(shards, values, settings.clock, owner)
    this.#writes = new DiskWrites(shards, values)
    this.#apply = new DiskApply(shards, values, pace)
    this.#keys = new DiskKeys(shards.all, settings.clock)
    this.locks = new DiskLocks(shards)
    this.bits = new DiskBits(shards)
    this.sets = new DiskSets(shards)
    this.windows = new DiskWindows(shards)
    this.leases = new DiskLeases(shards, this.#reads, this.#writes, this.#keys, this.#underWay)
  }

  /** Opens the first file, once no file is being closed any more. The others are opened on first use. */
  open(host: BackendHost): Awaitable<void> {
    this.#host = host
    return chain(this.#closing, () => {
      for (const shard of this.#shards.all) shard.reopen()
      return chain(this.#shards.at(0).open(), () => this.#janitor.start())
    })
  }

  /** Waits for removals under way: whoever opens these files next would find the removed keys again. */
  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined
    })
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#janitor.stop()
    await turn() // Commands called in this turn have started by then.
    await this.#underWay.ended()
    for (const shard of this.#shards.all) {
      shard.close()
      await turn()
    }
    await this.#checkpointer.close()
  }

  /**
   * Lets no write be attempted once its caller was told that it failed: it would undo what the caller has done since.
   */
  guard(store: Guarded, options: GuardOptions): Guard {
    const patiently = this.#patience.add(options.writeTimeout * IN_TIME)
    const guarded = guard(store, options)
    const run: Guard['run'] = guarded.run.bind(guarded)
    guarded.run = (call, perform, matters) => run(call, () => patiently(perform), matters)
    return guarded
  }

  now(): Milliseconds {
    return this.#settings.clock.now()
  }

  // Values

  get(key: string): Awaitable<unknown> {
    return this.#reads.get(key)
  }

  /** Returns a small value of an open file; for anything else it misses, and {@link get} does the work. */
  getNow(key: string): unknown {
    return this.#reads.getNow(key)
  }

  getMany(keys: readonly string[]): Promise<unknown[]> {
    return this.#reads.getMany(keys)
  }

  getRaw(key: string): Awaitable<unknown> {
    return this.#reads.getRaw(key)
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean> {
    return this.#writes.set(key, value, lifetime, exists)
  }

  setMany(entries: readonly (readonly [key: string, value: unknown])[], lifetime: Milliseconds): Promise<void> {
    return this.#writes.setMany(entries, lifetime)
  }

  setRaw(key: string, value: unknown, lifetime: Milliseconds): Awaitable<boolean> {
    return this.#writes.setRaw(key, value, lifetime)
  }

  incr(key: string, by: number, lifetime: Milliseconds): Awaitable<number> {
    return this.#writes.incr(key, by, lifetime)
  }

  delete(key: string): Awaitable<boolean> {
    return this.#shards.of(key).remove((file) => file.delete(key))
  }

  deleteMany(keys: readonly string[]): Promise<number> {
    return this.#underWay.note(this.#deleteMany(keys))
  }

  async #deleteMany(keys: readonly string[]): Promise<number> {
    let gone = 0
    await inBatches(this.#shards.all, keys.map(hashOf), async (shard, places) => {
      gone += await shard.remove((file) => places.filter((at) => file.delete(keys[at] as string)).length)
    })
    return gone
  }

  /** Deletes first, and decodes afterwards: no deletion waits for the values before it. */
  async takeMany(keys: readonly string[]): Promise<unknown[]> {
    const taken: Taken[] = []
    const removing = inBatches(this.#shards.all, keys.map(hashOf), async (shard, places) => {
      const some = places.map((at) => keys[at] as string)
      const entries = await shard.remove((file) => some.map((key) => file.take(key)))
      for (const [at, entry] of entries.entries()) if (entry) taken.push({ key: some[at] as string, entry })
    })
    await this.#underWay.note(removing)
    return this.#reads.valuesOf(taken)
  }

  exists(key: string): Awaitable<boolean> {
    return this.#shards.of(key).read((file) => file.find(key) !== undefined)
  }

  expire(key: string, lifetime: Milliseconds): Awaitable<boolean> {
    return this.#shards.of(key).write((file) => file.expire(key, lifetime))
  }

  timeLeft(key: string): Awaitable<Milliseconds | Miss> {
    return this.#shards.of(key).read((file) => {
      const entry = file.find(key)
      return entry === undefined ? MISS : timeUntil(entry.expiresAt, file.now())
    })
  }

  size(key: string): Awaitable<number> {
    return this.#shards.of(key).read((file) => {
      const entry = file.find(key)
      return entry === undefined ? 0 : sizeOf(file, key, entry)
    })
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
    for (const shard of this.#shards.all) await shard.write(() => {})
    return message
  }

  // Transactions

  inspect(key: string): Awaitable<Snapshot | Miss> {
    return this.#reads.inspect(key)
  }

  apply(
    expectations: readonly (Expectation | LockExpectation)[],
    writes: readonly (Write | KindWrite)[],
  ): Awaitable<boolean> {
    return this.#apply.apply(expectations, writes)
  }
}
