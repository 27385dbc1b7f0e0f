import { hash, randomUUID } from 'node:crypto'
import {
  type Asker,
  type Awaitable,
  all,
  type Backend,
  type BackendHost,
  type Bits,
  type Content,
  chain,
  checkText,
  compileGlob,
  type Expectation,
  type Guard,
  type Guarded,
  type GuardOptions,
  guard,
  type KindWrite,
  type Leased,
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
  type Windows,
  type Write,
} from '@cashews/core'
import { rawOf, type Serializer } from '@cashews/serialization'
import { ApplyStep } from './apply-step.ts'
import { Evaluator, evaluation } from './evaluator.ts'
import { guardPerServer } from './guard-per-server.ts'
import { Keyspace } from './keyspace.ts'
import { holds, leaseIn, newLease } from './lease.ts'
import type { Argument, Command, Link } from './link.ts'
import { type ClientSideReport, type CopyOptions, type Found, LocalCopies } from './local-copies.ts'
import { ReadBatch } from './read-batch.ts'
import { ReleaseBell } from './release-bell.ts'
import { scanNames } from './scanning.ts'
import type { Script } from './script.ts'
import * as scripts from './scripts.ts'
import { type Dated, ServerReads, timeLeft } from './server-reads.ts'
import { type Encoded, isBits, StoredValues } from './stored-values.ts'
import { RedisTagSteps } from './tag-steps.ts'

/** How many keys to delete at a time: nobody else has to wait for long. */
const FEW_TO_DELETE = 100

/** How many keys to ask of a server at a time where nobody says. */
const BATCH = 1_000

/** Values in Redis or Valkey, whatever the topology. */
export class RedisStore implements Omit<Backend, 'tags'> {
  readonly name = 'redis'
  readonly #link: Link
  readonly #scripts: Evaluator
  readonly #keys: Keyspace
  readonly #values: StoredValues
  readonly #copies: LocalCopies | undefined
  readonly #reads: ReadBatch<Buffer | null, unknown>
  readonly #readsWithTtl: ReadBatch<Dated, Found>
  readonly #bell: ReleaseBell
  readonly #self = randomUUID()
  #host: BackendHost = { removed() {}, error() {} }
  #events = 0

  /** Answers from the copies in this process. Absent without a client-side cache. */
  readonly getNow?: (key: string) => unknown
  readonly answerNow?: (key: string, spot?: Spot) => Promise<unknown> | undefined
  /** Absent with a client-side cache, which looks at its copies first. */
  readonly getFor?: (key: string, asker: Asker) => void
  /** Of tags, of which core keeps the rest. */
  readonly tagSteps: TagSteps
  /** The slot of a key. Absent where all keys meet. */
  readonly partOf?: (key: string) => number

  constructor(link: Link, keys: Keyspace, serializer: Serializer, copies?: CopyOptions) {
    this.#link = link
    this.#scripts = new Evaluator(link)
    this.#keys = keys
    const report = (error: unknown) => this.#host.error(error)
    this.#values = new StoredValues(keys, serializer, report)
    const server = new ServerReads(link, this.#scripts, report)
    const perServer = (names: readonly string[]) => link.perServer(names)
    this.#reads = new ReadBatch({
      perServer,
      send: (names) => server.read(names),
      make: (key, name, bytes) => this.#values.decode(key, bytes, name),
    })
    this.#readsWithTtl = new ReadBatch({
      perServer,
      send: (names) => server.readWithTtl(names),
      make: (key, name, { bytes, timeLeft }) =>
        chain(this.#values.decode(key, bytes, name), (value) => ({ value, timeLeft })),
    })
    this.#bell = new ReleaseBell(`${keys.namespace}~released`, () => link.subscriber())
    if (keys.slot('') !== undefined) this.partOf = (key) => keys.slot(key) as number
    this.tagSteps = new RedisTagSteps({
      name: (key) => keys.value(key),
      pair: (key) => this.#pair(key),
      mayMeet: (names) => link.mayMeet(names),
      readsTogether: copies === undefined,
      read: (names, waiting) => this.#reads.readTogether(names, waiting),
      encode: (key, value) => this.#values.encode(key, value),
      encodeBare: (name, value) => this.#values.encodeBare(name, value),
      decode: (key, bytes) => this.#values.decode(key, bytes),
      decodeBare: (name, bytes) => this.#values.decodeBare(name, bytes),
      run: (script, names, args) => this.#scripts.run(script, names, args),
      change: (keys, send) => this.#change(keys, send),
      changed: (keys) => this.#copies?.drop(keys),
    })
    if (copies === undefined) {
      this.getFor = (key, asker) => this.#getFor(key, asker)
      return
    }
    const local = new LocalCopies(link, keys, copies, (key, name) => this.#readsWithTtl.read(key, name))
    this.#copies = local
    this.getNow = (key) => local.getNow(key)
    this.answerNow = (key, spot) => local.answerNow(key, spot)
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
    this.#link.bePatient(Math.max(options.readTimeout, options.writeTimeout))
    const guarded = guard(store, options, () => this.#link.isPartlyThere())
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
    await this.#change(keys, () =>
      this.#runAll(scripts.SET_MANY, keys, (group) => [
        scripts.ttlOf(lifetime),
        ...group.map((at) => encoded[at] as Encoded),
      ]),
    )
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#change([key], () => this.#run(scripts.DELETE, key, []))) === 1
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    const unique = [...new Set(keys)]
    const gone = await this.#change(unique, () => this.#runAll(scripts.DELETE, unique, () => []))
    return gone.reduce<number>((sum, count) => sum + Number(count), 0)
  }

  async incr(key: string, by: number, lifetime: Milliseconds): Promise<number> {
    return Number(await this.#change([key], () => this.#run(scripts.INCR, key, [by, scripts.ttlOf(lifetime)])))
  }

  async exists(key: string): Promise<boolean> {
    return (await this.#send('exists', key)) === 1
  }

  async expire(key: string, lifetime: Milliseconds): Promise<boolean> {
    return (await this.#change([key], () => this.#run(scripts.EXPIRE, key, [scripts.ttlOf(lifetime)]))) === 1
  }

  timeLeft(key: string): Awaitable<Milliseconds | Miss> {
    return this.#copies?.timeLeft(key) ?? this.#timeLeft(key)
  }

  async size(key: string): Promise<number> {
    return Number(await this.#run(scripts.SIZE, key, []))
  }

  async getRaw(key: string): Promise<unknown> {
    // Not GET, which refuses a key of another kind.
    const [bytes] = (await this.#send('mget', key)) as [Buffer | null]
    return bytes === null || isBits(bytes) ? MISS : bytes
  }

  async setRaw(key: string, value: unknown, lifetime: Milliseconds): Promise<boolean> {
    return this.#set(key, rawOf(value), lifetime)
  }

  /** How well the client-side cache does; `undefined` without one. */
  get clientSide(): ClientSideReport | undefined {
    return this.#copies?.report
  }

  // All keys

  async *scan(pattern: string, batchSize: number): AsyncGenerator<string> {
    const matches = compileGlob(pattern)
    const seen = new Set<string>()
    for await (const names of scanNames(this.#link, this.#keys.scanPattern(pattern), batchSize)) {
      for (const name of names) {
        const key = this.#keys.keyOf(name)
        if (key === undefined || !matches(key) || seen.has(key)) continue
        seen.add(key)
        yield key
      }
    }
  }

  async deleteMatch(pattern: string): Promise<number> {
    this.#copies?.dropMatch(pattern)
    const matches = compileGlob(pattern)
    let gone = 0
    for await (const names of scanNames(this.#link, this.#keys.scanPattern(pattern), FEW_TO_DELETE)) {
      const keys = names.map((name) => this.#keys.keyOf(name))
      gone += await this.deleteMany(keys.filter((key) => key !== undefined && matches(key)) as string[])
    }
    this.#copies?.dropMatch(pattern)
    return gone
  }

  async clear(): Promise<void> {
    await this.leases.voidMatch('*')
    await this.deleteMatch('*')
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
    return this.#snapshot(key, await this.#run(scripts.INSPECT, key, []))
  }

  /** What a script that inspects a key has answered. */
  #snapshot(key: string, answer: unknown): Awaitable<Snapshot | Miss> {
    if (answer === null) return MISS
    if (answer instanceof Buffer) return this.#snapshotOf(key, answer)
    const [stamp, left, kind, items] = answer as [Buffer, number, Buffer, Buffer[]]
    const found = { value: MISS, timeLeft: timeLeft(left) as Milliseconds, stamp: stamp.toString('latin1') }
    const content = contentOf(String(kind), items)
    return content ? { ...found, content } : found
  }

  #snapshotOf(key: string, answer: Buffer): Awaitable<Snapshot> {
    const colon = answer.indexOf(':')
    const left = timeLeft(Number(answer.toString('latin1', 0, colon))) as Milliseconds
    const bytes = answer.subarray(colon + 1)
    if (isBits(bytes)) return { ...snapshotOf(bytes, MISS, left), content: contentOfBits(bytes) }
    return chain(this.#values.decode(key, bytes), (value) => snapshotOf(bytes, value, left))
  }

  async apply(
    expectations: readonly (Expectation | LockExpectation)[],
    writes: readonly (Write | KindWrite)[],
  ): Promise<boolean> {
    const step = new ApplyStep(expectations, writes, this.#keys)
    if (step.names.length === 0) return true
    if (!this.#link.mayMeet(step.names)) throw step.severalSlots()
    const args = await step.arguments(this.#values, this.#bell.channel, () => this.#newEvent())
    return (await this.#change(step.keys, () => this.#scripts.run(scripts.APPLY, step.names, args))) === 1
  }

  readonly bits: Bits = {
    get: async (key, indexes, size) => asNumbers(await this.#run(scripts.GET_BITS, key, bitFields(indexes, size))),
    incr: async (key, indexes, size, by) => {
      if (indexes.length === 0) return []
      const [type, ...offsets] = bitFields(indexes, size)
      return asNumbers(await this.#change([key], () => this.#run(scripts.INCR_BITS, key, [type, by, ...offsets])))
    },
  }

  readonly windows: Windows = {
    incr: async (key, slice) => {
      const { max, lifetime } = slice
      const [from, to] = 'period' in slice ? ['', slice.period] : [slice.start, slice.end]
      const args = [from, to, max, scripts.ttlOf(lifetime), this.#newEvent()]
      const answer = await this.#change([key], () => this.#run(scripts.INCR_WINDOW, key, args))
      const [count, added, age] = answer as [number, number, Buffer]
      return { count, added: added === 1, age: Number(age) }
    },
  }

  readonly sets: Sets = {
    add: async (key, members, lifetime) => {
      for (const member of members) checkText('member', member)
      const ttl = lifetime === undefined ? 'keep' : scripts.ttlOf(lifetime)
      return Number(await this.#change([key], () => this.#run(scripts.ADD_MEMBERS, key, [ttl, ...members])))
    },
    remove: async (key, members) =>
      Number(await this.#change([key], () => this.#run(scripts.REMOVE_MEMBERS, key, members))),
    pop: async (key, count) => {
      const args = [this.#keys.value(key), count]
      const popped = await this.#change([key], () => this.#send('spop', key, args))
      return (popped as Buffer[]).map(String)
    },
  }

  readonly locks: Locks = {
    acquire: (key, token, lifetime) => this.#lock(scripts.ACQUIRE, key, [token, scripts.ttlOf(lifetime)]),
    acquireAndInspect: (name, token, lifetime) => {
      const key = Keyspace.ofLock(name)
      const names = [this.#keys.lock(name), this.#keys.value(key)]
      const asked = this.#scripts.run(scripts.ACQUIRE_AND_INSPECT, names, [token, scripts.ttlOf(lifetime)])
      return asked.then((answer) => (answer === 0 ? undefined : this.#snapshot(key, answer)))
    },
    extend: (key, token, lifetime) => this.#lock(scripts.EXTEND, key, [token, scripts.ttlOf(lifetime)]),
    release: (key, token) => this.#lock(scripts.RELEASE, key, [token, this.#bell.channel]),
    isLocked: async (key) => (await this.#send('exists', key, [this.#keys.lock(key)])) === 1,
    released: (key, atMost) => this.#bell.released(this.#keys.lock(key), atMost),
  }

  readonly leases: Leases = {
    get: async (key) => {
      const value = await this.get(key)
      return value === MISS ? this.#valueOrLease(key) : { value }
    },
    take: async (key) => {
      const lease = newLease()
      return leaseIn(await this.#run(scripts.TAKE_LEASE, key, [lease]), lease)
    },
    set: async (key, value, lifetime, lease) => {
      const encoded = await this.#values.encode(key, value)
      const args = [lease, encoded, scripts.ttlOf(lifetime)]
      return (await this.#change([key], () => this.#run(scripts.SET_LEASED, key, args))) === 1
    },
    holds: async (key, lease) => {
      const held = await this.#send('get', key, [this.#keys.lease(key)])
      return held !== null && holds(lease, String(held))
    },
    voidMatch: async (pattern) => {
      const matches = compileGlob(pattern)
      for await (const names of scanNames(this.#link, this.#keys.leasePattern(pattern), BATCH)) {
        const keys = names.map((name) => this.#keys.keyOfLease(name))
        await this.#runAll(scripts.VOID, keys.filter((key) => key !== undefined && matches(key)) as string[], () => [])
      }
    },
  }

  // The way to the server

  async #valueOrLease(key: string): Promise<Leased> {
    const lease = newLease()
    const answer = await this.#run(scripts.GET_OR_LEASE, key, [lease])
    if (answer instanceof Buffer) return { value: await this.#values.decode(key, answer) }
    return { value: MISS, lease: leaseIn(answer, lease) }
  }

  async #timeLeft(key: string): Promise<Milliseconds | Miss> {
    return timeLeft(await this.#send('pttl', key))
  }

  #set(key: string, encoded: Encoded, lifetime: Milliseconds, exists?: boolean): Promise<boolean> {
    const condition = exists === undefined ? '' : exists ? 'XX' : 'NX'
    const args = [encoded, scripts.ttlOf(lifetime), condition]
    return this.#change([key], () => this.#run(scripts.SET, key, args)).then(isOne)
  }

  /** A name for an event of a window, which nobody else gives. */
  #newEvent(): string {
    return `${this.#self}:${this.#events++}`
  }

  async #lock(script: Script, key: string, args: readonly Argument[]): Promise<boolean> {
    return (await this.#scripts.run(script, [this.#keys.lock(key)], args)) === 1
  }

  /** Makes a change that no read which came first sees, and no copy in this process outlives. */
  #change<T>(keys: readonly string[], send: () => Promise<T>): Promise<T> {
    this.#reads.flush()
    const copies = this.#copies
    if (copies === undefined) return send()
    this.#readsWithTtl.flush()
    copies.drop(keys)
    return send().finally(() => copies.drop(keys))
  }

  #send(name: Command['name'], key: string, args?: readonly Argument[]): Promise<unknown> {
    const own = this.#keys.value(key)
    return this.#link.send({ name, args: args ?? [own], key: own })
  }

  #pair(key: string): [value: string, lease: string] {
    return [this.#keys.value(key), this.#keys.lease(key)]
  }

  #run(script: Script, key: string, args: readonly Argument[]): Promise<unknown> {
    return this.#scripts.run(script, this.#pair(key), args)
  }

  /** Runs a script over many keys: one command for each group that may share one. */
  async #runAll(
    script: Script,
    keys: readonly string[],
    argsOf: (group: readonly number[]) => readonly Argument[],
  ): Promise<unknown[]> {
    const groups = this.#link.groups(keys.map((key) => this.#keys.value(key))) ?? [[...keys.keys()]]
    const commands = groups.map((group) => {
      const names = group.flatMap((at) => this.#pair(keys[at] as string))
      return evaluation(script, names, argsOf(group))
    })
    const answers = await this.#scripts.sendAll(commands)
    for (const answer of answers) if (answer instanceof Error) throw answer
    return answers
  }

  #getFor(key: string, asker: Asker): void {
    try {
      this.#reads.readFor(key, this.#keys.value(key), asker)
    } catch (error) {
      asker.failed(error)
    }
  }
}

/** What a string holds. Its stamp is asked for rarely. */
function snapshotOf(bytes: Buffer, value: unknown, timeLeft: Milliseconds): Snapshot {
  return {
    value,
    timeLeft,
    get stamp() {
      return hash('sha1', bytes)
    },
  }
}

/** What a key of another kind than a string holds. */
function contentOf(kind: string, items: readonly Buffer[]): Content | undefined {
  if (kind === 'set') return { kind, items: items.map(String) }
  if (kind === 'zset') return { kind: 'window', items: items.map(Number) }
  return undefined
}

function contentOfBits(bytes: Buffer): Content {
  return { kind: 'bits', items: [...bytes.subarray(scripts.BITS_HEADER.length)] }
}

function isOne(answer: unknown): boolean {
  return answer === 1
}

function asNumbers(answer: unknown): number[] {
  return (answer as unknown[]).map(Number)
}

/** What scripts are told of fields: their type, and at which bit of the string each begins. */
function bitFields(indexes: readonly number[], size: number): readonly [type: string, ...offsets: number[]] {
  const first = scripts.BITS_HEADER.length * 8
  return [`u${size}`, ...indexes.map((index) => first + index * size)]
}
