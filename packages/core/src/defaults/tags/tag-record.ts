import type { Milliseconds, TagsAhead } from '../../backend.ts'

const PREFIX = '\u0000tag\u0000'
/** The key of a record that is removed whenever any tag is deleted or expires, for loads whose tags are not known in advance. */
export const ANY = '\u0000tag\u0000*'
/** The prefix of a record made for a load that has not stored anything yet. It lives only as long as a load may take. */
export const AHEAD = '~'

/** A record lives this many times as long as its longest-lived value, so that not every write has to prolong it. */
const MARGIN = 1.25

/** Whether the tags of a value are unchanged; have only expired since; or are gone. */
export type TagState = 'fresh' | 'expired' | 'gone'

/** Tells the keys of records from those of the application. */
export function isRecordKey(key: string): boolean {
  return key.startsWith(PREFIX)
}

/** How many keys of records are cached. */
const READY_KEYS = 8_192
const readyKeys = /* @__PURE__ */ new Map<string, string>()

/** The key of the record of a tag. Keys are cached, so that they need not be concatenated and hashed again. */
export function recordKeyOf(tag: string): string {
  const ready = readyKeys.get(tag)
  if (ready !== undefined) return ready
  if (readyKeys.size >= READY_KEYS) readyKeys.clear()
  const key = `${PREFIX}=${tag}`
  readyKeys.set(tag, key)
  return key
}

/** The keys of the records that tell whether tags change during a load. */
export function recordKeysOf(tags: TagsAhead): readonly string[] {
  return tags === 'any' ? [ANY] : tags.map(recordKeyOf)
}

/**
 * A new stamp that no process ever makes again. It is short, because each value with tags contains stamps, and consists of letters,
 * digits and `+/.:` only.
 */
export function newStamp(): string {
  self ??= btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12))))
  return `${self}.${(made++).toString(36)}:0`
}
let self: string | undefined
let made = 0

/** The content of a record once its tag has expired. */
export function raise(record: string): string {
  const at = record.lastIndexOf(':') + 1
  return record.slice(0, at) + (Number(record.slice(at)) + 1)
}

/** The stamp in a record, without the mark of one made for a load. */
export function stampIn(record: unknown): string | undefined {
  if (typeof record !== 'string') return undefined
  return record.startsWith(AHEAD) ? record.slice(AHEAD.length) : record
}

/** Compares the stamp that a value was stored with to the stamp in the record now. */
export function compare(stamp: string, now: string | undefined): TagState {
  if (stamp === now) return 'fresh'
  return now !== undefined && generation(stamp) === generation(now) ? 'expired' : 'gone'
}

function generation(stamp: string): string {
  return stamp.slice(0, stamp.lastIndexOf(':'))
}

/** How long the record of a tag lives for a value with this lifetime. */
export function margin(lifetime: Milliseconds): Milliseconds {
  return Math.ceil(lifetime * MARGIN)
}
