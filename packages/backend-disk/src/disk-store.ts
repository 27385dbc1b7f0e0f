import {
  type Awaitable,
  type Backend,
  type BackendBase,
  type BackendHost,
  type Bits,
  CommandError,
  chain,
  compileGlob,
  type Expectation,
  type Guard,
  type Guarded,
  type GuardOptions,
  guard,
  isPending,
  type KindWrite,
  type Leases,
  type LockExpectation,
  MISS,
  type Milliseconds,
  type Miss,
  type Sets,
  type Snapshot,
  type Windows,
  type Write,
  WrongTypeError,
} from '@cashews/core'
import type { Serializer } from '@cashews/serialization'
import { BitFields } from './bit-fields.ts'
import { Checkpointer } from './checkpointer.ts'
import { crc32 } from './checksum.ts'
import { contentOf, putContent } from './contents.ts'
import { DiskLocks, free, holderOf, take } from './disk-locks.ts'
import { type Entry, endOf, isAlive, KIND, type Kind, type NewEntry, pick, timeUntil } from './entry.ts'
import { NoRoomError } from './errors.ts'
import { countEvent } from './event-window.ts'
import { Janitor } from './janitor.ts'
import { prefixOf } from './pattern.ts'
import type { DiskSettings } from './settings.ts'
import { Shard, writeTogether } from './shard.ts'
import type { ShardFile } from './shard-file.ts'
import { turn } from './turn.ts'
import { slice } from './upkeep.ts'
import { checked, type Encoded, Values } from './values.ts'

/** How many keys one step takes at most where a command takes many. */
const BATCH = 50
/** How old a noted use must be before it is noted again. */
const USED_LATELY: Milliseconds = 1_000
/** How long a command for many keys may go on before others have their turn. */
const STRETCH: Milliseconds = 2

const NOBODY: BackendHost = { removed() {}, error() {} }

/** Where core keeps the stamps of the tags of a value. */
const TAGS = '\u0000tags'

const FOREVER = Number.POSITIVE_INFINITY
const NOUNS: Readonly<Record<Kind, string>> = {
  [KIND.value]: 'value',
  [KIND.large]: 'value',
  [KIND.set]: 'set',
  [KIND.bits]: 'bits',
  [KIND.window]: 'window',
}

type Base = Omit<BackendBase, 'apply'> & Partial<Backend>

/** A store in SQLite files, but for tags. Members answer at once unless the file is busy, broken, full, or the value large. */
export class DiskStore implements Base {
  readonly name = 'disk'
  /** Where the files are. */
  readonly directory: string
  readonly locks: DiskLocks
  readonly #shards: readonly Shard[]
  readonly #values: Values
  readonly #checkpointer = new Checkpointer()
  readonly #janitor: Janitor
  readonly #settings: DiskSettings
  #host: BackendHost = NOBODY

  constructor(settings: DiskSettings, serializer: Serializer) {
    this.#settings = settings
    this.directory = settings.directory
    this.#values = new Values(serializer)
    const owner = {
      removed: (key: string, reason: 'evicted' | 'expired') => this.#host.removed(key, reason),
      error: (error: unknown) => this.#host.error(error),
      wake: () => this.#janitor.wake(),
    }
    this.#shards = Array.from(
      { length: settings.shards },
      (_, at) => new Shard(at, settings, this.#checkpointer, owner),
    )
    this.#janitor = new Janitor(this.#shards, settings.checkInterval)
    this.locks = new DiskLocks((key) => this.#shardOf(key))
  }

  /** Opens the first file. The others are opened when they are first needed. */
  open(host: BackendHost): Awaitable<void> {
    this.#host = host
    const [first] = this.#shards
    return chain((first as Shard).open(), () => this.#janitor.start())
  }

  async close(): Promise<void> {
    this.#janitor.stop()
    for (const shard of this.#shards) {
      await shard.close()
      await turn()
    }
    await this.#checkpointer.close()
  }

  guard(store: Guarded, options: GuardOptions): Guard {
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

  async getMany(keys: readonly string[]): Promise<unknown[]> {
    const found: unknown[] = new Array(keys.length)
    await this.#inBatches(keys, async (shard, places) => {
      const entries = await shard.read((file) =>
        file.atOneInstant(() => places.map((at) => this.#find(shard, file, keys[at] as string))),
      )
      for (const [order, at] of places.entries()) {
        const value = this.#values.decode(shard, keys[at] as string, entries[order], this.#host)
        found[at] = isPending(value) ? await value : value
      }
    })
    return found
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean> {
    const shard = this.#shardOf(key)
    return this.#ifThereIsRoom(shard, key, () =>
      chain(this.#values.encode(shard, key, value), (encoded) => this.#set(shard, key, encoded, lifetime, exists)),
    )
  }

  async setMany(entries: readonly (readonly [key: string, value: unknown])[], lifetime: Milliseconds): Promise<void> {
    const keys = entries.map(([key]) => key)
    await this.#inBatches(keys, async (shard, places) => {
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
        }),
      )
    })
  }

  delete(key: string): Awaitable<boolean> {
    return this.#shardOf(key).remove((file) => file.delete(key))
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    let gone = 0
    await this.#inBatches(keys, async (shard, places) => {
      gone += await shard.remove((file) => places.filter((at) => file.delete(keys[at] as string)).length)
    })
    return gone
  }

  incr(key: string, by: number, lifetime: Milliseconds): Awaitable<number> {
    if (!Number.isSafeInteger(by)) throw new CommandError(`Cannot add ${by} to "${key}": it is no whole number.`)
    const shard = this.#shardOf(key)
    return shard.write((file) => {
      const entry = checked(key, file.find(key))
      const count = entry === undefined ? 0 : entry.kind === KIND.value ? entry.value : undefined
      const sum = typeof count === 'number' ? count + by : Number.NaN
      if (!Number.isSafeInteger(sum))
        throw new WrongTypeError(`Key "${key}" holds no whole number that ${by} can be added to.`)
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

  /** Of a value with tags core has to see the tags: it is answered decoded. */
  getRaw(key: string): Awaitable<unknown> {
    const shard = this.#shardOf(key)
    return chain(this.#read(shard, key), (entry) =>
      chain(this.#values.raw(shard, key, entry), (bytes) => {
        if (bytes === MISS) return bytes
        return chain(this.#values.decode(shard, key, entry, NOBODY), (value) => (hasTags(value) ? value : bytes))
      }),
    )
  }

  setRaw(key: string, value: unknown, lifetime: Milliseconds): Awaitable<boolean> {
    if (hasTags(value)) return this.set(key, value, lifetime)
    const shard = this.#shardOf(key)
    const raw = typeof value === 'string' ? value : Buffer.from(value as Uint8Array)
    return this.#ifThereIsRoom(shard, key, () =>
      chain(this.#values.stored(shard, key, raw), (encoded) => this.#set(shard, key, encoded, lifetime)),
    )
  }

  // All keys

  /** Goes through the keys in their order, so that none is met twice. */
  async *scan(pattern: string, batchSize: number): AsyncGenerator<string> {
    for (const shard of this.#shards) for await (const keys of this.#matching(shard, pattern, batchSize)) yield* keys
  }

  async deleteMatch(pattern: string): Promise<number> {
    let gone = 0
    for (const shard of this.#shards) {
      for await (const keys of this.#matching(shard, pattern, BATCH))
        gone += await shard.remove((file) => keys.filter((key) => file.delete(key)).length)
      await turn()
    }
    return gone
  }

  /** Sees to it that no load is stored which is under way on a key that matches, there or not. */
  async voidLeases(pattern: string): Promise<void> {
    const matches = compileGlob(pattern)
    for (const shard of this.#shards)
      await shard.remove((file) => {
        for (const { key } of file.all<{ key: string }>('SELECT DISTINCT key FROM leases'))
          if (matches(key)) file.run('DELETE FROM leases WHERE key = ?', key)
      })
  }

  async clear(): Promise<void> {
    for (const shard of this.#shards) {
      const last = await shard.read((file) => file.get<{ id: number | null }>('SELECT max(id) AS id FROM entries')?.id)
      let left = true
      while (left) {
        left = await shard.remove((file) => {
          file.run('DELETE FROM leases')
          const hasTime = slice()
          const ids = file.all<{ id: number }>('SELECT id FROM entries WHERE id <= ? LIMIT ?', last ?? 0, 10 * BATCH)
          for (const { id } of ids) {
            file.drop(id)
            if (!hasTime()) break
          }
          return ids.length > 0
        })
        await turn()
      }
    }
    this.#janitor.wake()
  }

  async count(): Promise<number> {
    let count = 0
    for (const shard of this.#shards) {
      for (let last = 0; ; await turn()) {
        const rows = await shard.read((file) =>
          file.all<Entry>(
            'SELECT id, expires_at AS expiresAt, used_at AS usedAt FROM entries WHERE id > ? ORDER BY id LIMIT ?',
            last,
            10 * BATCH,
          ),
        )
        const now = this.now()
        count += rows.filter((row) => isAlive(row, now)).length
        if (rows.length < 10 * BATCH) break
        last = rows.at(-1)?.id as number
      }
    }
    return count
  }

  /** Answers when every file can be written to. */
  async ping(message: string): Promise<string> {
    for (const shard of this.#shards) await shard.write(() => {})
    return message
  }

  // One step

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
    const involved = new Set([...expectations, ...writes].map((one) => this.#shardOf(nameOf(one))))
    const shards = this.#shards.filter((shard) => involved.has(shard))
    if (shards.length === 0) return true
    const fileOf = (one: Expectation | LockExpectation | Write | KindWrite) => this.#shardOf(nameOf(one)).file
    const apply = (made: readonly (Encoded | undefined)[]): Awaitable<boolean> =>
      writeTogether(shards, () => {
        if (!expectations.every((expectation) => holds(fileOf(expectation), expectation))) return false
        for (const [at, write] of writes.entries()) make(fileOf(write), write, made[at])
        return true
      })
    const made = writes.map((write) =>
      write.op === 'set' ? this.#values.encode(this.#shardOf(write.key), write.key, write.value) : undefined,
    )
    return made.some(isPending) ? Promise.all(made).then(apply) : apply(made as (Encoded | undefined)[])
  }

  readonly bits: Bits = {
    get: (key, indexes, size) => {
      BitFields.check(indexes, size)
      return this.#shardOf(key).read((file) => {
        const fields = bitsOf(file, ofKind(key, file.find(key), KIND.bits)?.ref)
        return indexes.map((index) => fields.field(index, size))
      })
    },
    incr: (key, indexes, size, by) => {
      BitFields.check(indexes, size)
      return this.#shardOf(key).write((file) => {
        const entry = ofKind(key, file.find(key), KIND.bits)
        const ref = entry?.ref ?? pick()
        const fields = bitsOf(file, ref)
        const sums = indexes.map((index) => fields.add(index, size, by))
        if (sums.length === 0) return sums
        fields.save()
        file.put({ key, kind: KIND.bits, expiresAt: entry?.expiresAt ?? null, ref, sum: 0, value: null })
        return sums
      })
    },
  }

  readonly windows: Windows = {
    incr: (key, slice) =>
      this.#shardOf(key).write((file) => {
        const entry = ofKind(key, file.find(key), KIND.window)
        const { found, bytes } = countEvent(entry?.value as Buffer | undefined, slice, file.now())
        if (found.count === 0) file.delete(key)
        else if (bytes !== undefined) {
          const expiresAt = keptEnd(file, found.added ? undefined : entry, slice.lifetime)
          file.put({ key, kind: KIND.window, expiresAt, ref: null, sum: 0, value: bytes })
        }
        return found
      }),
  }

  readonly sets: Sets = {
    add: (key, members, lifetime) =>
      this.#shardOf(key).write((file) => {
        const entry = ofKind(key, file.find(key), KIND.set)
        const ref = entry?.ref ?? pick()
        let added = 0
        for (const member of members) {
          added += file.run('INSERT OR IGNORE INTO members VALUES (?, ?)', ref, member)
          file.wrote(member.length)
        }
        const expiresAt = lifetime === undefined ? (entry?.expiresAt ?? null) : endOf(lifetime, file.now())
        const changed = added > 0 || (lifetime !== undefined && entry !== undefined)
        if (changed) file.put({ key, kind: KIND.set, expiresAt, ref, sum: 0, value: null })
        return added
      }),
    remove: (key, members) =>
      this.#shrink(key, (file, ref) =>
        members.filter((member) => file.run('DELETE FROM members WHERE ref = ? AND member = ?', ref, member) === 1),
      ).then(({ length }) => length),
    pop: (key, count) =>
      this.#shrink(key, (file, ref) => {
        const some = file.all<{ member: string }>('SELECT member FROM members WHERE ref = ? LIMIT ?', ref, count)
        for (const { member } of some) file.run('DELETE FROM members WHERE ref = ? AND member = ?', ref, member)
        return some.map(({ member }) => member)
      }),
  }

  readonly leases: Leases = {
    get: async (key) => {
      const value = await this.get(key)
      if (value !== MISS) return { value }
      const shard = this.#shardOf(key)
      const lease = await shard.write((file) => (isValue(file.find(key)) ? undefined : takeLease(file, key)))
      return lease === undefined ? { value: await this.get(key) } : { value: MISS, lease }
    },
    take: (key) => this.#shardOf(key).write((file) => takeLease(file, key)),
    set: (key, value, lifetime, lease) => {
      const shard = this.#shardOf(key)
      return this.#ifThereIsRoom(shard, key, () =>
        chain(this.#values.encode(shard, key, value), (encoded) =>
          shard.write((file) => {
            if (!useLease(file, key, lease)) return false
            claim(file, encoded)
            file.putLeased({ key, expiresAt: endOf(lifetime, file.now()), ...encoded })
            return true
          }),
        ),
      )
    },
  }

  /** Takes members out of a set, which ends with the last one. */
  async #shrink(key: string, take: (file: ShardFile, ref: number) => string[]): Promise<string[]> {
    return this.#shardOf(key).write((file) => {
      const entry = ofKind(key, file.find(key), KIND.set)
      if (entry === undefined || entry.ref === null) return []
      const taken = take(file, entry.ref)
      if (taken.length === 0) return taken
      const isEmpty = file.get('SELECT 1 FROM members WHERE ref = ? LIMIT 1', entry.ref) === undefined
      if (isEmpty) file.delete(key)
      else file.renew(key, entry, entry.expiresAt)
      return taken
    })
  }

  #shardOf(key: string): Shard {
    const { length } = this.#shards
    return this.#shards[length === 1 ? 0 : crc32(key) % length] as Shard
  }

  #read(shard: Shard, key: string): Awaitable<Entry | undefined> {
    return shard.read((file) => this.#find(shard, file, key))
  }

  #find(shard: Shard, file: ShardFile, key: string): Entry | undefined {
    const entry = checked(key, file.find(key))
    if (entry !== undefined && this.now() - entry.usedAt > USED_LATELY) shard.used(entry.id)
    return entry
  }

  #set(shard: Shard, key: string, encoded: Encoded, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean> {
    return shard.write((file) => {
      if (exists !== undefined && exists !== (file.find(key) !== undefined)) return false
      claim(file, encoded)
      file.put({ key, expiresAt: endOf(lifetime, file.now()), ...encoded })
      return true
    })
  }

  /** Answers false when there is no room for a value. What it would replace is out of date, and goes too. */
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

  /** Goes through the keys shard by shard, some at a time. */
  async #inBatches(
    keys: readonly string[],
    step: (shard: Shard, places: readonly number[]) => Promise<void>,
  ): Promise<void> {
    const places = new Map<Shard, number[]>()
    for (const [at, key] of keys.entries()) {
      const shard = this.#shardOf(key)
      const some = places.get(shard)
      if (some) some.push(at)
      else places.set(shard, [at])
    }
    let start = performance.now()
    for (const [shard, all] of places) {
      for (let at = 0; at < all.length; at += BATCH) {
        if (performance.now() - start > STRETCH) {
          await turn()
          start = performance.now()
        }
        await step(shard, all.slice(at, at + BATCH))
      }
    }
  }

  async *#matching(shard: Shard, pattern: string, batchSize: number): AsyncGenerator<string[]> {
    const matches = compileGlob(pattern)
    const prefix = prefixOf(pattern)
    const atMost = Math.max(batchSize, 1)
    for (let after: string | undefined; ; await turn()) {
      const rows = await shard.read((file) =>
        file.all<Entry & { key: string }>(
          `SELECT key, expires_at AS expiresAt, used_at AS usedAt FROM entries
           WHERE key ${after === undefined ? '>=' : '>'} ? ORDER BY key LIMIT ?`,
          after ?? prefix,
          atMost,
        ),
      )
      const now = this.now()
      const inReach = rows.filter(({ key }) => key.startsWith(prefix))
      const keys = inReach.filter((row) => isAlive(row, now) && matches(row.key)).map(({ key }) => key)
      if (keys.length > 0) yield keys
      if (inReach.length < atMost) return
      after = rows.at(-1)?.key
    }
  }
}

/** Whether core has put the stamps of tags beside a value. */
function hasTags(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, TAGS)
}

/** Of which key, or lock, a part of an apply speaks. */
function nameOf(one: Expectation | LockExpectation | Write | KindWrite): string {
  return 'lock' in one ? one.lock : one.key
}

function holds(file: ShardFile, expected: Expectation | LockExpectation): boolean {
  if ('lock' in expected) return holderOf(file, expected.lock) === expected.token
  return file.find(expected.key)?.stamp === expected.stamp
}

/** Makes one write of an apply. */
function make(file: ShardFile, write: Write | KindWrite, encoded: Encoded | undefined): void {
  if (write.op === 'lock') take(file, write.lock, write.token, write.lifetime)
  else if (write.op === 'unlock') free(file, write.lock)
  else if (write.op === 'delete') file.delete(write.key)
  else if (write.op === 'expire') expire(file, write.key, write.lifetime)
  else if (write.op === 'put') putContent(file, write.key, write.content, endOf(write.lifetime, file.now()))
  else if (encoded !== undefined) {
    const { key, lifetime } = write
    const expiresAt = lifetime === 'keep' ? keptEnd(file, file.find(key), FOREVER) : endOf(lifetime, file.now())
    claim(file, encoded)
    file.put({ key, expiresAt, ...encoded })
  }
}

function expire(file: ShardFile, key: string, lifetime: Milliseconds): boolean {
  const entry = file.find(key)
  if (entry === undefined) return false
  file.renew(key, entry, endOf(lifetime, file.now()))
  return true
}

/** The end of an entry that is there; otherwise that of a lifetime which begins now. */
function keptEnd(file: ShardFile, entry: Entry | undefined, lifetime: Milliseconds): Milliseconds | null {
  return entry === undefined ? endOf(lifetime, file.now()) : entry.expiresAt
}

/** Takes the parts of a value from the garbage: their entry is about to be written. */
function claim(file: ShardFile, { kind, ref }: Pick<Encoded, 'kind' | 'ref'>): void {
  if (kind !== KIND.large) return
  if (file.run('DELETE FROM garbage WHERE ref = ?', ref) === 0)
    throw new NoRoomError('A large value took so long to write that its parts were removed again.')
}

function takeLease(file: ShardFile, key: string): string {
  const token = pick()
  const sql = 'INSERT INTO leases (key, token, taken_at) VALUES (?, ?, ?) RETURNING id'
  const { id } = file.get(sql, key, token, file.now()) as { id: number }
  file.wrote(0)
  return `${id}:${token}`
}

/** Ends a lease and those that were taken before it. Answers whether it was not void. */
function useLease(file: ShardFile, key: string, lease: string): boolean {
  const [id, token] = lease.split(':').map(Number)
  const isMine = file.get('SELECT 1 FROM leases WHERE id = ? AND token = ? AND key = ?', id, token, key) !== undefined
  if (isMine) file.run('DELETE FROM leases WHERE key = ? AND id <= ?', key, id)
  return isMine
}

function isValue(entry: Entry | undefined): boolean {
  return entry?.kind === KIND.value || entry?.kind === KIND.large
}

/** Passes an entry on if it is of this kind, or absent. */
function ofKind(key: string, entry: Entry | undefined, kind: Kind): Entry | undefined {
  if (entry !== undefined && entry.kind !== kind) throw new WrongTypeError(`Key "${key}" holds no ${NOUNS[kind]}.`)
  return entry
}

function bitsOf(file: ShardFile, ref: number | null | undefined): BitFields {
  return new BitFields({
    read: (part) =>
      ref === undefined
        ? undefined
        : file.get<{ bytes: Buffer }>('SELECT bytes FROM parts WHERE ref = ? AND part = ?', ref, part)?.bytes,
    write: (part, bytes) => {
      const sql = 'INSERT INTO parts VALUES (?, ?, ?) ON CONFLICT (ref, part) DO UPDATE SET bytes = excluded.bytes'
      file.run(sql, ref, part, bytes)
      file.wrote(bytes.length)
    },
  })
}

function sizeOf(file: ShardFile, key: string, { ref, value }: Entry): number {
  const own = value instanceof Buffer ? value.length : Buffer.byteLength(String(value ?? ''))
  const { bytes } = file.get(
    `SELECT (SELECT coalesce(sum(length(bytes)), 0) FROM parts WHERE ref = @ref)
     + (SELECT coalesce(sum(length(member)), 0) FROM members WHERE ref = @ref) AS bytes`,
    { ref },
  ) as { bytes: number }
  return Buffer.byteLength(key) + own + bytes
}
