import { type Milliseconds, recordKeyOf } from '@cashews/core'
import { headOf } from './tagged-bytes.ts'

/** How many records are remembered at most. */
const MOST = 8_192

/** What this process knows of the record of a tag. */
export class KnownRecord {
  readonly key: string
  /** Its name in Redis. */
  readonly name: string
  /** The tag as JSON. */
  readonly json: string
  readonly jsonBytes: Buffer
  /** What the record held when this process last wrote beside it; `''` while it never did. */
  stamp = ''
  /** Until when a record with that stamp lives at least, in the time of `monotonicNow`. */
  until: Milliseconds = Number.NEGATIVE_INFINITY

  constructor(tag: string, nameOf: (key: string) => string) {
    this.key = recordKeyOf(tag)
    this.name = nameOf(this.key)
    this.json = JSON.stringify(tag)
    this.jsonBytes = Buffer.from(this.json)
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

  of(tags: readonly string[]): readonly KnownRecord[] {
    const records: KnownRecord[] = []
    for (const tag of tags) records.push(this.#known.get(tag) ?? this.#learn(tag))
    return records
  }

  #learn(tag: string): KnownRecord {
    if (this.#known.size >= MOST) this.#known.clear()
    const record = new KnownRecord(tag, this.#nameOf)
    this.#known.set(tag, record)
    return record
  }
}

/**
 * The head of a value under the tags of some records: with the stamps that these are thought to hold, if all of them are
 * known and live until a moment; otherwise without any.
 */
export function thoughtHead(records: readonly KnownRecord[], until: Milliseconds): string {
  let tags = ''
  let stamps = ''
  let areKnown = true
  for (const record of records) {
    tags = tags === '' ? record.json : `${tags},${record.json}`
    stamps = stamps === '' ? `"${record.stamp}"` : `${stamps},"${record.stamp}"`
    areKnown &&= record.until >= until
  }
  return headOf(areKnown ? stamps : '', tags)
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
    record.stamp = String(told[2 * nth + 1])
    record.until = left < 0 ? Number.POSITIVE_INFINITY : sentAt + left
  }
}
