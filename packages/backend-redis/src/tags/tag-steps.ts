import {
  type Awaitable,
  areSame,
  chain,
  type Milliseconds,
  type Proof,
  type TagAsker,
  type TaggedLease,
  type TagSteps,
  type TagsAhead,
  type TagWrite,
} from '@cashews/core'
import type { Argument } from '../connection/link.ts'
import { monotonicNow } from '../connection/monotonic.ts'
import type { KeyCommands } from '../keys/key-commands.ts'
import type { ReadBatch } from '../keys/read-batch.ts'
import { leaseIn, newLease } from '../leases/lease.ts'
import { GET_OR_LEASE, LEASE_LIFETIME, TAKE_LEASE } from '../leases/lease-scripts.ts'
import { type Script, ttlOf } from '../scripts/script.ts'
import type { StoredValues } from '../values/stored-values.ts'
import { type KnownRecord, KnownRecords, noteStamps, type RecordsOfTags } from './known-records.ts'
import { SET_CAPTURED, SET_TAGGED, SET_TAGGED_LEASED } from './tag-scripts.ts'
import { joinHead } from './tagged-bytes.ts'
import { TaggedReader } from './tagged-reader.ts'

/** The most values that one script writes. Each takes two keys of the script. */
const TOGETHER = 200

/** How long the record of a tag lives at least when a load begins. A longer load may not be stored. */
const LOAD: Milliseconds = LEASE_LIFETIME / 2

interface RedisTagWrite extends TagWrite {
  readonly known: RecordsOfTags
}

/** Handles values together with the records of their tags in one script, so that tags cost no additional round trip. */
export class RedisTagSteps implements TagSteps {
  readonly #commands: KeyCommands
  readonly #values: StoredValues
  readonly #known: KnownRecords
  readonly #nameOf: (key: string) => string
  readonly #pairOf: (key: string) => [value: string, lease: string]
  readonly readFor?: Exclude<TagSteps['readFor'], undefined>

  /** @param reads Absent if reads look at copies in this process first. */
  constructor(commands: KeyCommands, values: StoredValues, reads?: ReadBatch<Buffer | null, unknown>) {
    this.#commands = commands
    this.#values = values
    this.#nameOf = (key) => commands.keys.value(key)
    this.#pairOf = (key) => commands.pair(key)
    this.#known = new KnownRecords(this.#nameOf)
    if (reads) this.readFor = (key, known, asker) => this.#readFor(reads, key, known as RecordsOfTags, asker)
  }

  know(tags: TagsAhead): RecordsOfTags {
    return this.#known.of(tags)
  }

  lease(
    key: string,
    { records }: RecordsOfTags,
    fresh: string,
    orValue: boolean,
    held: readonly unknown[] = [],
  ): Awaitable<TaggedLease> | undefined {
    const until = monotonicNow() + LOAD
    const unsure = records.filter((record, nth) => !record.lasts(held[nth], until))
    const names = this.#names([key], unsure)
    if (names === undefined) return undefined
    const lease = newLease()
    const args = unsure.length === 0 ? [lease] : [lease, fresh]
    return this.#commands.scripts.run(orValue ? GET_OR_LEASE : TAKE_LEASE, names, args).then((answer) => {
      if (answer instanceof Buffer) return chain(this.#values.decode(key, answer), (value) => ({ value }))
      const found = (record: KnownRecord, nth: number) => {
        const at = unsure.indexOf(record)
        return at < 0 ? (held[nth] as string) : answer === 1 ? fresh : String((answer as Buffer[])[at + 1])
      }
      return { lease: leaseIn(answer, lease), held: records.map(found) }
    })
  }

  set(key: string, value: unknown, lifetime: Milliseconds, tags: RedisTagWrite): Promise<true> | undefined {
    const { known } = tags
    const names = known.namesToWrite(key, this.#pairOf)
    if (!this.#mayMeet(names)) return undefined
    return chain(this.#values.encodeBare(names[0], value), (bytes) => {
      const now = monotonicNow()
      const value = joinHead(known.headUntil(now + lifetime), bytes)
      const args = [ttlOf(lifetime), recordArgument(tags), value]
      return this.#write(SET_TAGGED, [key], names, known.records, args, now)
    }) as Promise<true>
  }

  setMany(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    tags: RedisTagWrite,
  ): Promise<true> | undefined {
    const { known } = tags
    const unique = [...new Map(entries)]
    const keys = unique.map(([key]) => key)
    const names = this.#names(keys, known.records)
    if (names === undefined) return undefined
    if (unique.length > TOGETHER) return this.#setInParts(unique, lifetime, tags)
    const write = async (): Promise<true> => {
      const encoded = await Promise.all(unique.map(([key, value]) => this.#values.encode(key, value)))
      const now = monotonicNow()
      const head = known.headUntil(now + lifetime)
      const values = encoded.map((bytes) => joinHead(head, bytes))
      const args = [ttlOf(lifetime), recordArgument(tags), ...values]
      return this.#write(SET_TAGGED, keys, names, known.records, args, now) as Promise<true>
    }
    return write()
  }

  setLeased(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    tags: RedisTagWrite,
    lease: string,
    proof: Proof = [[], 'any'],
  ): Awaitable<boolean> | undefined {
    const [stamps, captured] = proof
    if (captured !== 'any') return this.#setCaptured(key, value, lifetime, tags, lease, [stamps, captured])
    const { known, fresh, recordLifetime } = tags
    const [any] = stamps
    const watched = any === undefined ? [] : this.#known.of('any').records
    const names = this.#names([key], [...known.records, ...watched])
    if (names === undefined) return undefined
    return chain(this.#values.encode(key, value), (bytes) => {
      const ttls = [ttlOf(lifetime), ttlOf(recordLifetime)]
      const args = [lease, JSON.stringify(known.tags), ...ttls, fresh, bytes, ...stamps]
      return this.#write(SET_TAGGED_LEASED, [key], names, known.records, args)
    })
  }

  /** Writes a value with the stamps from before its load, if its tags still have those. */
  #setCaptured(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    { known, recordLifetime }: RedisTagWrite,
    lease: string,
    [stamps, captured]: readonly [stamps: readonly string[], tags: readonly string[]],
  ): Awaitable<boolean> | undefined {
    const names = known.namesToWrite(key, this.#pairOf)
    if (!areSame(captured, known.tags) || !this.#mayMeet(names)) return undefined
    return chain(this.#values.encodeBare(names[0], value), (bytes) => {
      const now = monotonicNow()
      const args = [lease, joinHead(known.headWith(stamps), bytes), ttlOf(lifetime)]
      if (!known.last(stamps, now + Math.max(lifetime, LOAD))) args.push(ttlOf(recordLifetime))
      return this.#write(SET_CAPTURED, [key], names, known.records, args, now, stamps)
    })
  }

  #setInParts(
    entries: readonly (readonly [key: string, value: unknown])[],
    ...how: [lifetime: Milliseconds, tags: RedisTagWrite]
  ): Promise<true> {
    const parts = Array.from({ length: Math.ceil(entries.length / TOGETHER) }, (_, nth) => nth * TOGETHER)
    return Promise.all(parts.map((from) => this.setMany(entries.slice(from, from + TOGETHER), ...how))).then(isTrue)
  }

  #readFor(reads: ReadBatch<Buffer | null, unknown>, key: string, known: RecordsOfTags, asker: TagAsker): void {
    try {
      const names = known.namesToRead(key, this.#nameOf)
      reads.readTogether(names, new TaggedReader(this.#values, key, names[0], known, asker))
    } catch (error) {
      asker.failed(error)
    }
  }

  /**
   * Runs a script that writes values with tags, notes what it answers about the records, and returns whether it wrote.
   *
   * @param now The time before it is sent.
   * @param stamps The stamps in the records. Absent: the script answers them.
   */
  #write(
    script: Script,
    keys: readonly string[],
    names: readonly string[],
    records: readonly KnownRecord[],
    args: readonly Argument[],
    now: Milliseconds = monotonicNow(),
    stamps?: readonly string[],
  ): Promise<boolean> {
    const sent = this.#commands.changeNamed(script, keys, names, args)
    return sent.then((answer) => answer === 1 || this.#note(records, answer, now, stamps))
  }

  /** Notes what a script answers about records that were not as this process expected. */
  #note(
    records: readonly KnownRecord[],
    answer: unknown,
    sentAt: Milliseconds,
    stamps?: readonly string[] | undefined,
  ): boolean {
    const [made, ...told] = Array.isArray(answer) ? (answer as (number | Buffer)[]) : []
    if (made !== undefined)
      noteStamps(records, stamps ?? told.slice(records.length).map(String), told as number[], sentAt)
    if (made !== 1) this.#commands.changed(records.map(({ key }) => key))
    return answer !== 0
  }

  /** The KEYS of a script: a pair for each value, then the records; `undefined` if one script cannot name all of them. */
  #names(keys: readonly string[], records: readonly KnownRecord[]): string[] | undefined {
    const names: string[] = []
    for (const key of keys) names.push(...this.#commands.pair(key))
    for (const { name } of records) names.push(name)
    return this.#mayMeet(names) ? names : undefined
  }

  #mayMeet(names: readonly string[]): boolean {
    return this.#commands.link.mayMeet(names)
  }
}

/** Two lines in one argument of a script: the ttl of records, and the content for absent ones. */
function recordArgument({ fresh, recordLifetime }: RedisTagWrite): string {
  return `${ttlOf(recordLifetime)}\n${fresh}`
}

function isTrue(): true {
  return true
}
