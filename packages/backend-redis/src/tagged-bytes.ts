import type { TagStamp } from '@cashews/core'

/** Marks a value with tags. Then the length of the head in four bytes, the head, and the value as it is without tags. */
const TAGS_HEADER: Buffer = Buffer.from('\xc6ctags\x01\x00', 'latin1')
const START = TAGS_HEADER.length + 4
/** Begins the record of a tag that was made for a load: `~`. */
const MARK = 0x7e

/** Stamps that nobody changes: they are not copied with the value beside which they stand. */
class Stamps extends Array<TagStamp> {
  /** What is made of them is a list like any other. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  [Symbol.for('cashews.clone')](): this {
    return this
  }
}

/** What a value with tags is made of. */
export interface TaggedBytes {
  readonly stamps: readonly TagStamp[]
  readonly bytes: Buffer
}

/**
 * The head: JSON, first the stamps, then the tags they belong to. So the stamps stand at the same place in every value, where
 * a script finds them.
 */
type Head = readonly [stamps: readonly string[], tags: readonly string[]]

/** The text of a head, of the insides of two JSON lists. */
export function headOf(stamps: string, tags: string): string {
  return `[[${stamps}],[${tags}]]`
}

/** Puts the stamps of its tags before the bytes of a value. */
export function joinTags(stamps: readonly TagStamp[], bytes: Buffer | string): Buffer {
  const head: Head = [stamps.map(([, stamp]) => stamp), stamps.map(([tag]) => tag)]
  return joinHead(JSON.stringify(head), bytes)
}

/** Puts a head before the bytes of a value. */
export function joinHead(head: string, bytes: Buffer | string): Buffer {
  const length = Buffer.byteLength(head)
  const value = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const joined = Buffer.allocUnsafe(START + length + value.length)
  joined.set(TAGS_HEADER)
  joined.writeUInt32BE(length, TAGS_HEADER.length)
  joined.write(head, START)
  joined.set(value, START + length)
  return joined
}

/** Takes the stamps from a value; `undefined` when it has none. */
export function splitTags(bytes: Buffer): TaggedBytes | undefined {
  if (!hasTags(bytes)) return undefined
  const end = endOfHead(bytes)
  const stamps = stampsIn(bytes.toString('utf8', START, end))
  return stamps && { stamps, bytes: bytes.subarray(end) }
}

/** A tag as it stands in a head. */
interface TagText {
  readonly json: string
  /** Whether the JSON has as many bytes as characters. */
  readonly isAscii: boolean
}

/**
 * The value as it is without tags, if it has these, in this order, and their stamps are what their records hold. Looks at the
 * bytes alone, and says nothing of tags that are not ASCII.
 *
 * @param held What the records hold, from a place on.
 */
export function freshBytes(
  bytes: Buffer,
  tags: readonly TagText[],
  held: readonly (Buffer | null | Error)[],
  from = 0,
): Buffer | undefined {
  if (!hasTags(bytes)) return undefined
  let at = endOfText(bytes, START, '[[')
  for (let nth = 0; nth < tags.length && at > 0; nth++) {
    at = endOfText(bytes, at, nth === 0 ? '"' : '","')
    at = endOfStamp(bytes, at, held[from + nth])
  }
  at = endOfText(bytes, at, '"],[')
  for (let nth = 0; nth < tags.length && at > 0; nth++) {
    const { json, isAscii } = tags[nth] as TagText
    if (nth > 0) at = endOfText(bytes, at, ',')
    at = isAscii ? endOfText(bytes, at, json) : 0
  }
  at = endOfText(bytes, at, ']]')
  return at === endOfHead(bytes) ? bytes.subarray(at) : undefined
}

/** Where text of ASCII ends that stands at a place; 0 when it does not. */
function endOfText(bytes: Buffer, start: number, text: string): number {
  if (start === 0) return 0
  for (let at = 0; at < text.length; at++) if (bytes[start + at] !== text.charCodeAt(at)) return 0
  return start + text.length
}

/** Where the stamp of a record ends that stands at a place, without the mark of one that was made for a load; 0 when it does not. */
function endOfStamp(bytes: Buffer, start: number, record: Buffer | null | Error | undefined): number {
  if (start === 0 || !Buffer.isBuffer(record)) return 0
  const from = record[0] === MARK ? 1 : 0
  for (let at = from; at < record.length; at++) if (bytes[start + at - from] !== record[at]) return 0
  return start + record.length - from
}

/** Byte by byte: to have `compare` look at eight takes longer. */
function hasTags(bytes: Buffer): boolean {
  if (bytes.length < START) return false
  for (let at = 0; at < TAGS_HEADER.length; at++) if (bytes[at] !== TAGS_HEADER[at]) return false
  return true
}

function endOfHead(bytes: Buffer): number {
  return START + bytes.readUInt32BE(TAGS_HEADER.length)
}

function stampsIn(head: string): TagStamp[] | undefined {
  try {
    const [stamps, tags] = JSON.parse(head) as Head
    const found = new Stamps()
    for (let at = 0; at < tags.length; at++) {
      const [tag, stamp] = [tags[at], stamps[at]]
      if (typeof tag !== 'string' || typeof stamp !== 'string') return undefined
      found.push([tag, stamp])
    }
    return found
  } catch {
    return undefined
  }
}
