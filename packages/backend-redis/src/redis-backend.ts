import {
  type Asker,
  type Awaitable,
  all,
  type Backend,
  type BackendHost,
  type Bits,
  chain,
  type Expectation,
  type Guard,
  type Guarded,
  type GuardOptions,
  guard,
  type KindWrite,
  type Leases,
  type LockExpectation,
  type Locks,
  MISS,
  type Milliseconds,
  type Miss,
  type Sets,
  type Snapshot,
  type Spot,
  type TagSteps,
  voidAndDelete,
  type Windows,
  type Write,
} from '@cashews/core'
import { rawOf, type Serializer } from '@cashews/serialization'
import { type ClientSideReport, type CopyOptions, type Found, LocalCopies } from './client-side/local-copies.ts'
import type { Link } from './connection/link.ts'
import { ReleaseBell } from './connection/release-bell.ts'
import { guardPerServer } from './guard-per-server.ts'
import { KeyCommands } from './keys/key-commands.ts'
import type { Keyspace } from './keys/keyspace.ts'
import { ReadBatch } from './keys/read-batch.ts'
import { scanKeys } from './keys/scanning.ts'
import { type Dated, ServerReads, timeLeft } from './keys/server-reads.ts'
import { isBits } from './kinds/bit-string.ts'
import { redisBits } from './kinds/redis-bits.ts'
import { redisLocks } from './kinds/redis-locks.ts'
import { redisSets } from './kinds/redis-sets.ts'
import { eventNames, redisWindows } from './kinds/redis-windows.ts'
import { redisLeases } from './leases/redis-leases.ts'
import { Evaluator } from './scripts/evaluator.ts'
import { ttlOf } from './scripts/script.ts'
import { RedisTagSteps } from './tags/tag-steps.ts'
import { APPLY, ApplyStep } from './values/apply-step.ts'
import { INSPECT, snapshotIn } from './values/inspect.ts'
import { type Encoded, StoredValues } from './values/stored-values.ts'
import { DELETE, EXPIRE, INCR, SET, SET_MANY, SIZE } from './values/value-scripts.ts'

/** How many keys to delete at a time, so that nobody else has to wait for long. */
const FEW_TO_DELETE = 100

/** How many keys to fetch from a server at a time when counting. */
const BATCH = 1_000

/** Values in Redis or Valkey, whatever the topology. */
export class RedisStore implements Omit<Backend, 'tags'> {
  readonly name = 'redis'
  readonly bits: Bits
  readonly windows: Windows
  readonly sets: Sets
  readonly locks: Locks
  readonly leases: Leases
  /** What tags need from Redis; core does the rest. */
  readonly tagSteps: TagSteps

  /** Reads from the copies in this process. Absent without a client-side cache. */
  readonly getNow?: (key: string) => unknown
  readonly answerNow?: (key: string, spot?: Spot) => Promise<unknown> | undefined
  /** Absent with a client-side cache, where a read looks at the copies first. */
  readonly getFor?: (key: string, asker: Asker) => void
  /** The slot of a key. Absent if one command can name any keys. */
  readonly partOf?: (key: string) => number

  readonly #link: Link
  readonly #keys: Keyspace
  readonly #commands: KeyCommands
  readonly #values: StoredValues
  readonly #reads: ReadBatch<Buffer | null, unknown>
  readonly #copies: LocalCopies | undefined
  readonly #bell: ReleaseBell
  readonly #newEvent: () => string = eventNames()
  #host: BackendHost = { removed() {}, error() {} }
  /** The guards of the caches that use this store: weakly, because a cache need not be closed before it is forgotten. */
  #guards: WeakRef<Guard>[] = []

  constructor(link: Link, keys: Keyspace, serializer: Serializer, copyOptions?: CopyOptions) {
    const report = (error: unknown) => this.#host.error(error)
    const scripts = new Evaluator(link)
    const values = new StoredValues(keys, serializer, report)
    const server = new ServerReads(link, scripts, report)
    const perServer = (names: readonly string[]) => link.perServer(names)
    const reads = new ReadBatch<Buffer | null, unknown>({
      perServer,
      send: (names, ofMany) => server.read(names, ofMany),
      make: (key, name, bytes) => values.decode(key, bytes, name),
    })
    const datedReads = new ReadBatch<Dated, Found>({
      perServer,
      send: (names) => server.readWithTtl(names),
      make: (key, name, { bytes, timeLeft }) =>
        chain(values.decode(key, bytes, name), (value) => ({ value, timeLeft })),
    })
    const copies = copyOptions && new LocalCopies(link, keys, copyOptions, (key, name) => datedReads.read(key, name))
    const commands = new KeyCommands(link, keys, scripts, copies ? datedReads : reads, copies)
    this.#link = link
    this.#keys = keys
    this.#commands = commands
    this.#values = values
    this.#reads = reads
    this.#copies = copies
    this.#bell = new ReleaseBell(`${keys.namespace}~released`, () => link.subscriber())
    this.bits = redisBits(commands)
    this.windows = redisWindows(commands, this.#newEvent)
    this.sets = redisSets(commands)
    this.locks = redisLocks(commands, values, this.#bell)
    this.leases = redisLeases(commands, values, (key) => this.get(key))
    this.tagSteps = new RedisTagSteps(commands, values, copies ? undefined : reads)
    if (keys.slot('') !== undefined) this.partOf = (key) => keys.slot(key) as number
    if (copies) {
      this.getNow = (key) => copies.getNow(key)
      this.answerNow = (key, spot) => copies.answerNow(key, spot)
    } else this.getFor = (key, asker) => this.#getFor(key, asker)
  }

  async open(host: BackendHost): Promise<void> {
    this.#host = host
    await this.#link.open()
    this.#copies?.open(host)
  }

  async close(): Promise<void> {
    this.#bell.stop()
    this.#copies?.close()
    await this.#link.close()
  }

  guard(store: Guarded, options: GuardOptions): Guard {
    const patience = Math.max(options.readTimeout, options.writeTimeout)
    this.#guards = this.#guards.filter((other) => other.deref())
    this.#link.patience = this.#guards.length > 0 ? Math.max(this.#link.patience, patience) : patience
    const own = this.#copies ? droppingCopies(store, this.#copies) : store
    const guarded = guard(own, options, () => this.#link.isPartlyThere())
    this.#guards.push(new WeakRef(guarded))
    this.#link.back = () => {
      for (const each of this.#guards) each.deref()?.repeat()
    }
    if (this.partOf === undefined) return guarded
    return guardPerServer(guarded, (keys) => this.#link.perServer(keys.map((key) => this.#keys.value(key))))
  }

  // Values

  get(key: string): Awaitable<unknown> {
    const name = this.#keys.value(key)
    if (this.#copies) return this.#copies.read(key, name)
    return this.#reads.read(key, name)
  }

  getMany(keys: readonly string[]): Awaitable<unknown[]> {
    if (this.#copies) return all(keys.map((key) => this.get(key)))
    return this.#reads
      .readMany(keys.map((key) => this.#keys.value(key)))
      .then((found) => all(found.map((bytes, at) => this.#values.decode(keys[at] as string, bytes))))
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean> {
    return chain(this.#values.encode(key, value), (encoded) => this.#set(key, encoded, lifetime, exists))
  }

  async setMany(entries: readonly (readonly [key: string, value: unknown])[], lifetime: Milliseconds): Promise<void> {
    // The last of several values for one key wins, whatever the order of the groups.
    const unique = new Map(entries)
    const keys = [...unique.keys()]
    const encoded = await Promise.all([...unique].map(([key, value]) => this.#values.encode(key, value)))
    await this.#commands.changeAll(SET_MANY, keys, (group) => [
      ttlOf(lifetime),
      ...group.map((at) => encoded[at] as Encoded),
    ])
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#commands.change(DELETE, key, [])) === 1
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    const gone = await this.#commands.changeAll(DELETE, [...new Set(keys)], () => [])
    return gone.reduce<number>((sum, count) => sum + Number(count), 0)
  }

  async incr(key: string, by: number, lifetime: Milliseconds): Promise<number> {
    return Number(await this.#commands.change(INCR, key, [by, ttlOf(lifetime)]))
  }

  async exists(key: string): Promise<boolean> {
    return (await this.#commands.send('exists', key)) === 1
  }

  async expire(key: string, lifetime: Milliseconds): Promise<boolean> {
    return (await this.#commands.change(EXPIRE, key, [ttlOf(lifetime)])) === 1
  }

  timeLeft(key: string): Awaitable<Milliseconds | Miss> {
    return this.#copies?.timeLeft(key) ?? this.#commands.send('pttl', key).then(timeLeft)
  }

  async size(key: string): Promise<number> {
    return Number(await this.#commands.run(SIZE, key, []))
  }

  async getRaw(key: string): Promise<unknown> {
    // Not GET, which fails for a key of another kind.
    const [bytes] = (await this.#commands.send('mget', key)) as [Buffer | null]
    return bytes === null || isBits(bytes) ? MISS : bytes
  }

  async setRaw(key: string, value: unknown, lifetime: Milliseconds): Promise<boolean> {
    return this.#set(key, rawOf(value), lifetime)
  }

  /** The state and the counts of the client-side cache; `undefined` if there is none. */
  get clientSide(): ClientSideReport | undefined {
    return this.#copies?.report
  }

  // All keys

  async *scan(pattern: string, batchSize: number): AsyncGenerator<string> {
    for await (const keys of this.visit(pattern, batchSize, (keys) => keys)) yield* keys
  }

  visit<T>(pattern: string, batchSize: number, act: (keys: readonly string[]) => Awaitable<T>): AsyncIterable<T> {
    const seen = new Set<string>()
    const isNew = (key: string) => seen.size < seen.add(key).size
    return scanKeys(this.#commands, pattern, batchSize, (keys) => act(keys.filter(isNew)))
  }

  async deleteMatch(pattern: string): Promise<number> {
    this.#copies?.dropMatch(pattern)
    let gone = 0
    for await (const deleted of scanKeys(this.#commands, pattern, FEW_TO_DELETE, (keys) => this.deleteMany(keys)))
      gone += deleted
    this.#copies?.dropMatch(pattern)
    return gone
  }

  async clear(): Promise<void> {
    await voidAndDelete(this.leases, '*', () => this.deleteMatch('*'))
  }

  async count(): Promise<number> {
    let count = 0
    for await (const _ of this.scan('*', BATCH)) count++
    return count
  }

  ping(message: string): Promise<string> {
    return this.#link.ping(message)
  }

  // One step

  async inspect(key: string): Promise<Snapshot | Miss> {
    return snapshotIn(key, await this.#commands.run(INSPECT, key, []), this.#values)
  }

  async apply(
    expectations: readonly (Expectation | LockExpectation)[],
    writes: readonly (Write | KindWrite)[],
  ): Promise<boolean> {
    const step = new ApplyStep(expectations, writes, this.#keys)
    if (step.names.length === 0) return true
    if (!this.#link.mayMeet(step.names)) throw step.severalSlots()
    const args = await step.arguments(this.#values, this.#bell.channel, this.#newEvent)
    return (await this.#commands.changeNamed(APPLY, step.keys, step.names, args)) === 1
  }

  #set(key: string, encoded: Encoded, lifetime: Milliseconds, exists?: boolean): Promise<boolean> {
    const condition = exists === undefined ? '' : exists ? 'XX' : 'NX'
    return this.#commands.change(SET, key, [encoded, ttlOf(lifetime), condition]).then(isOne)
  }

  #getFor(key: string, asker: Asker): void {
    try {
      this.#reads.readFor(key, this.#keys.value(key), asker)
    } catch (error) {
      asker.failed(error)
    }
  }
}

/** Has copies dropped once the store is not asked any more: what is invalidated then does not come this way. */
function droppingCopies(store: Guarded, copies: LocalCopies): Guarded {
  return {
    name: store.name,
    get isClosed() {
      return store.isClosed
    },
    reach: (act) => store.reach(act),
    error: (error) => store.error(error),
    unavailable(error) {
      copies.dropAll()
      store.unavailable(error)
    },
    available: () => store.available(),
  }
}

function isOne(answer: unknown): boolean {
  return answer === 1
}
