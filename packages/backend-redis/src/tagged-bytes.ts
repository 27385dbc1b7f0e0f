import type { TagStamp } from '@cashews/core'

/** Marks a value with tags. Then the length of the head in four bytes, the head, and the value as it is without tags. */
const TAGS_HEADER: Buffer = Buffer.from('\xc6ctags\x01\x00', 'latin1')
const START = TAGS_HEADER.length + 4
/** Begins the record of a tag that was made for a load: `~`. */
const MARK = 0x7e
const LAST_ASCII = 0x7f
const SPACE = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c

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

/** The head: JSON, first the tags, then the stamps, so that a script can put the stamps to tags it was given. */
type Head = readonly [tags: readonly string[], stamps: readonly string[]]

/** The text of a head. */
export function headOf(...head: Head): string {
  return JSON.stringify(head)
}

/** Puts the stamps of its tags before the bytes of a value. */
export function joinTags(stamps: readonly TagStamp[], bytes: Buffer | string): Buffer {
  const head = headOf(
    stamps.map(([tag]) => tag),
    stamps.map(([, stamp]) => stamp),
  )
  return joinHead(head, bytes)
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

/**
 * The value as it is without tags, if it has these, in this order, and their stamps are what their records hold. Looks at the
 * bytes alone, and says nothing of tags that JSON escapes or that are not ASCII.
 */
export function freshBytes(
  bytes: Buffer,
  tags: readonly string[],
  records: readonly (Buffer | null)[],
): Buffer | undefined {
  if (!hasTags(bytes)) return undefined
  let at = endOfText(bytes, START, '[[')
  for (let nth = 0; nth < tags.length && at > 0; nth++) {
    at = endOfText(bytes, at, nth === 0 ? '"' : '","')
    at = endOfTag(bytes, at, tags[nth] as string)
  }
  at = endOfText(bytes, at, '"],[')
  for (let nth = 0; nth < records.length && at > 0; nth++) {
    const record = records[nth]
    if (!record) return undefined
    at = endOfText(bytes, at, nth === 0 ? '"' : '","')
    at = endOfStamp(bytes, at, record)
  }
  at = endOfText(bytes, at, '"]]')
  return at === endOfHead(bytes) ? bytes.subarray(at) : undefined
}

/** Where a tag ends that stands at a place; 0 when it does not, or JSON writes it in another way. */
function endOfTag(bytes: Buffer, start: number, tag: string): number {
  for (let at = 0; at < tag.length; at++) {
    const code = tag.charCodeAt(at)
    if (code < SPACE || code > LAST_ASCII || code === QUOTE || code === BACKSLASH) return 0
  }
  return endOfText(bytes, start, tag)
}

/** Where text of ASCII ends that stands at a place; 0 when it does not. */
function endOfText(bytes: Buffer, start: number, text: string): number {
  if (start === 0) return 0
  for (let at = 0; at < text.length; at++) if (bytes[start + at] !== text.charCodeAt(at)) return 0
  return start + text.length
}

/** Where the stamp of a record ends that stands at a place, without the mark of one that was made for a load; 0 when it does not. */
function endOfStamp(bytes: Buffer, start: number, record: Buffer): number {
  const from = record[0] === MARK ? 1 : 0
  for (let at = from; at < record.length; at++) if (bytes[start + at - from] !== record[at]) return 0
  return start === 0 ? 0 : start + record.length - from
}

function hasTags(bytes: Buffer): boolean {
  if (bytes[0] !== TAGS_HEADER[0] || bytes[2] !== TAGS_HEADER[2] || bytes.length < START) return false
  return TAGS_HEADER.compare(bytes, 0, TAGS_HEADER.length) === 0
}

function endOfHead(bytes: Buffer): number {
  return START + bytes.readUInt32BE(TAGS_HEADER.length)
}

function stampsIn(head: string): TagStamp[] | undefined {
  try {
    const [tags, stamps] = JSON.parse(head) as Head
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
