import { type KnownTags, type Milliseconds, recordKeyOf } from '@cashews/core'
import { endOfHead, headOf, isAt, MARK, tailOf } from './tagged-bytes.ts'

/** How many records are remembered at most. */
const MOST = 8_192

const NOTHING = Buffer.alloc(0)

/** What this process knows of the record of a tag. */
export class KnownRecord {
  readonly key: string
  /** Its name in Redis. */
  readonly name: string
  /** The tag as JSON. */
  readonly json: string
  /** What the record was last seen to hold; empty while it never was. */
  stamp: Buffer = NOTHING
  /** Until when a record with that stamp lives at least, in the time of `monotonicNow`. */
  until: Milliseconds = Number.NEGATIVE_INFINITY

  constructor(tag: string, nameOf: (key: string) => string) {
    this.key = recordKeyOf(tag)
    this.name = nameOf(this.key)
    this.json = JSON.stringify(tag)
  }

  /** Notes what the record was seen to hold. */
  saw(held: Buffer): void {
    const from = held[0] === MARK ? 1 : 0
    if (isAt(this.stamp, held, from) && held.length - from === this.stamp.length) return
    // A copy, since what the server sends keeps all that came with it.
    this.stamp = Buffer.from(held.subarray(from))
    this.until = Number.NEGATIVE_INFINITY
  }
}

/** The names that a write takes and a read asks for: of one key, or of its lease too, and of the records of its tags. */
interface NamesOfKey {
  readonly key: string
  readonly toRead: readonly [value: string, ...records: string[]]
  readonly toWrite: readonly [value: string, lease: string, ...records: string[]]
}

/** The records of some tags, in their order. */
export class RecordsOfTags implements KnownTags {
  readonly tags: readonly string[]
  readonly records: readonly KnownRecord[]
  #head: Buffer = NOTHING
  #stamps: readonly Buffer[] = []
  /** How a head with these tags ends, whatever its stamps. */
  #tail: Buffer | undefined
  #names: NamesOfKey | undefined

  constructor(tags: readonly string[], records: readonly KnownRecord[]) {
    this.tags = tags
    this.records = records
  }

  /** The names of a key with these tags. They are put together once for the key that is asked for again and again. */
  namesOf(key: string, pair: (key: string) => readonly [value: string, lease: string]): NamesOfKey {
    if (this.#names?.key === key) return this.#names
    const [value, lease] = pair(key)
    const records = this.records.map(({ name }) => name)
    this.#names = { key, toRead: [value, ...records], toWrite: [value, lease, ...records] }
    return this.#names
  }

  /**
   * What a value with these tags begins with if it is written now and lives until a moment: with the stamps that the
   * records are thought to hold, if all of them are known and live as long; otherwise without any.
   */
  headUntil(until: Milliseconds): Buffer {
    for (const record of this.records) if (record.until < until) return headOf('', this.#json)
    return this.#headNow()
  }

  /**
   * Where a value ends its head, if it is that of these tags, and its stamps are what the records hold; 0 otherwise.
   *
   * @param held What the records hold, from a place on.
   */
  endOfHead(bytes: Buffer, held: readonly (Buffer | null | Error)[], from: number): number {
    this.#tail ??= tailOf(this.#json)
    return endOfHead(bytes, held, from, this.records.length, this.#tail)
  }

  /** With the stamps that were last seen. Made anew when one of them is another. */
  #headNow(): Buffer {
    for (let nth = 0; nth < this.records.length; nth++)
      if (this.#stamps[nth] !== this.records[nth]?.stamp) return this.#makeHead()
    return this.#head
  }

  #makeHead(): Buffer {
    this.#stamps = this.records.map(({ stamp }) => stamp)
    this.#head = headOf(this.#stamps.map((stamp) => `"${stamp}"`).join(), this.#json)
    return this.#head
  }

  get #json(): string {
    return this.records.map(({ json }) => json).join()
  }
}

/**
 * Remembers the records of tags: their names, so that they are not put together each time, and what they held and how long
 * they live at least: whoever holds a stamp is never made to live shorter. That is a hint, which the script that is told
 * checks: a record that changed has another stamp, for ever.
 */
export class KnownRecords {
  readonly #known = new Map<string, KnownRecord>()
  readonly #nameOf: (key: string) => string

  /** @param nameOf Tells the name of a key in Redis. */
  constructor(nameOf: (key: string) => string) {
    this.#nameOf = nameOf
  }

  of(tags: readonly string[]): RecordsOfTags {
    return new RecordsOfTags(
      tags,
      tags.map((tag) => this.#known.get(tag) ?? this.#learn(tag)),
    )
  }

  #learn(tag: string): KnownRecord {
    if (this.#known.size >= MOST) this.#known.clear()
    const record = new KnownRecord(tag, this.#nameOf)
    this.#known.set(tag, record)
    return record
  }
}

/**
 * Notes what records hold.
 *
 * @param told What a script answers that was sent at a moment: a number, then a stamp and the time left of each record.
 */
export function noteStamps(
  records: readonly KnownRecord[],
  told: readonly (Buffer | number)[],
  sentAt: Milliseconds,
): void {
  for (const [nth, record] of records.entries()) {
    const left = told[2 * nth + 2] as number
    record.saw(told[2 * nth + 1] as Buffer)
    record.until = left < 0 ? Number.POSITIVE_INFINITY : sentAt + left
  }
}
