import { type KnownTags, type Milliseconds, recordKeysOf, type TagsAhead } from '@cashews/core'
import { endOfHead, headOf, tailOf } from './tagged-bytes.ts'

/** How many records are remembered at most. */
const MOST = 8_192

const NOTHING = Buffer.alloc(0)

/** What this process knows about the record of a tag. */
export class KnownRecord {
  readonly key: string
  /** Its name in Redis. */
  readonly name: string
  /** The tag as JSON. */
  readonly json: string
  /** The stamp last seen in the record, without the mark of one made for a load; empty if none was seen. */
  stamp = ''
  /** Until when a record with this stamp lives at least, by `monotonicNow`. */
  until: Milliseconds = Number.NEGATIVE_INFINITY

  /** @param tag Absent for the record of all tags. */
  constructor(key: string, nameOf: (key: string) => string, tag?: string) {
    this.key = key
    this.name = nameOf(key)
    this.json = JSON.stringify(tag ?? '')
  }

  /** Whether the record, if it still has this stamp, will keep it until then. */
  lasts(stamp: unknown, until: Milliseconds): boolean {
    return this.stamp === stamp && this.until >= until
  }
}

type NamesToRead = readonly [value: string, ...records: string[]]
type NamesToWrite = readonly [value: string, lease: string, ...records: string[]]

/** The records of some tags, in their order. */
export class RecordsOfTags implements KnownTags {
  readonly tags: readonly string[]
  readonly records: readonly KnownRecord[]
  #head: Buffer = NOTHING
  #stamps: readonly string[] = []
  /** The part of a head with these tags that follows the stamps. */
  #tail: Buffer | undefined
  /** The key whose names are cached, because the same key is often used several times in a row. */
  #key: string | undefined
  #toRead: NamesToRead | undefined
  #toWrite: NamesToWrite | undefined

  constructor(tags: readonly string[], records: readonly KnownRecord[]) {
    this.tags = tags
    this.records = records
  }

  /** The names that a read of a key with these tags asks for. */
  namesToRead(key: string, nameOf: (key: string) => string): NamesToRead {
    this.#turnTo(key)
    this.#toRead ??= [nameOf(key), ...this.#names()]
    return this.#toRead
  }

  /** The names that a write of a key with these tags needs. */
  namesToWrite(key: string, pair: (key: string) => readonly [value: string, lease: string]): NamesToWrite {
    this.#turnTo(key)
    this.#toWrite ??= [...pair(key), ...this.#names()]
    return this.#toWrite
  }

  /**
   * The head of a value with these tags that is written now and lives until then. It has the stamps last seen in the records,
   * or none if one of the records may end earlier.
   */
  headUntil(until: Milliseconds): Buffer {
    for (const record of this.records) if (record.until < until) return headOf('', this.#json)
    return this.#headNow()
  }

  /** The head of a value with these tags and stamps. */
  headWith(stamps: readonly string[]): Buffer {
    for (let nth = 0; nth < stamps.length; nth++)
      if (this.#stamps[nth] !== stamps[nth]) return headOf(quoted(stamps), this.#json)
    return this.#head
  }

  /** Whether the records, if they still have these stamps, will keep them until then. */
  last(stamps: readonly unknown[], until: Milliseconds): boolean {
    return this.records.every((record, nth) => record.lasts(stamps[nth], until))
  }

  /**
   * Where the head of a value ends, if it has these tags and the stamps in the records; otherwise 0.
   *
   * @param held Has the contents of the records from position `from` on.
   */
  endOfHead(bytes: Buffer, held: readonly (Buffer | null | Error)[], from: number): number {
    this.#tail ??= tailOf(this.#json)
    return endOfHead(bytes, held, from, this.records.length, this.#tail)
  }

  /** The head with the stamps last seen, which is rebuilt when one of them has changed. */
  #headNow(): Buffer {
    for (let nth = 0; nth < this.records.length; nth++)
      if (this.#stamps[nth] !== this.records[nth]?.stamp) return this.#makeHead()
    return this.#head
  }

  #makeHead(): Buffer {
    this.#stamps = this.records.map(({ stamp }) => stamp)
    this.#head = headOf(quoted(this.#stamps), this.#json)
    return this.#head
  }

  #turnTo(key: string): void {
    if (this.#key === key) return
    this.#key = key
    this.#toRead = undefined
    this.#toWrite = undefined
  }

  #names(): string[] {
    return this.records.map(({ name }) => name)
  }

  get #json(): string {
    return this.records.map(({ json }) => json).join()
  }
}

/**
 * Remembers the records of tags: their names, to avoid building them each time; what they contained; and how long they live at
 * least, since the lifetime of a record is never shortened while its stamp stays the same. All of this is only a hint that
 * scripts verify: a changed record never gets an earlier stamp again.
 */
export class KnownRecords {
  readonly #known = new Map<string, KnownRecord>()
  readonly #nameOf: (key: string) => string

  /** @param nameOf Returns the name of a key in Redis. */
  constructor(nameOf: (key: string) => string) {
    this.#nameOf = nameOf
  }

  /** @param tags `'any'` for the record of all tags. */
  of(tags: TagsAhead): RecordsOfTags {
    const own = tags === 'any' ? [] : tags
    const keys = recordKeysOf(tags)
    return new RecordsOfTags(
      own,
      keys.map((key, nth) => this.#known.get(key) ?? this.#learn(key, own[nth])),
    )
  }

  #learn(key: string, tag: string | undefined): KnownRecord {
    if (this.#known.size >= MOST) this.#known.clear()
    const record = new KnownRecord(key, this.#nameOf, tag)
    this.#known.set(key, record)
    return record
  }
}

/**
 * Notes the contents of records.
 *
 * @param left The time that each had left (-1: no end) when the script ran, which was after `sentAt`.
 */
export function noteStamps(
  records: readonly KnownRecord[],
  stamps: readonly string[],
  left: readonly number[],
  sentAt: Milliseconds,
): void {
  for (const [nth, record] of records.entries()) {
    record.stamp = stamps[nth] as string
    record.until = (left[nth] as number) < 0 ? Number.POSITIVE_INFINITY : sentAt + (left[nth] as number)
  }
}

function quoted(stamps: readonly string[]): string {
  return stamps.map((stamp) => `"${stamp}"`).join()
}
