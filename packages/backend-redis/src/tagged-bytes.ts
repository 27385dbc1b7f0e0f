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

/** A tag as it stands in a head: the bytes of its JSON. */
interface TagBytes {
  readonly jsonBytes: Buffer
}

/** What stands in a head around stamps and tags. */
const PARTS = ['[["', '","', '"],[', ',', ']]'].map((text) => Buffer.from(text))
const [BEFORE_STAMPS, BETWEEN_STAMPS, BEFORE_TAGS, BETWEEN_TAGS, AT_END] = PARTS as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
]

/**
 * The value as it is without tags, if it has these, in this order, and their stamps are what their records hold. Looks at the
 * bytes one by one: what stands in a head is short, and a call of `compare` for each part takes longer.
 *
 * @param held What the records hold, from a place on.
 */
export function freshBytes(
  bytes: Buffer,
  tags: readonly TagBytes[],
  held: readonly (Buffer | null | Error)[],
  from = 0,
): Buffer | undefined {
  if (!hasTags(bytes)) return undefined
  let at = START
  for (let nth = 0; nth < tags.length; nth++) {
    const record = held[from + nth]
    if (!Buffer.isBuffer(record)) return undefined
    at = endOf(nth === 0 ? BEFORE_STAMPS : BETWEEN_STAMPS, bytes, at)
    at = endOf(record, bytes, at, record[0] === MARK ? 1 : 0)
  }
  for (let nth = 0; nth < tags.length; nth++) {
    at = endOf(nth === 0 ? BEFORE_TAGS : BETWEEN_TAGS, bytes, at)
    at = endOf((tags[nth] as TagBytes).jsonBytes, bytes, at)
  }
  at = endOf(AT_END, bytes, at)
  return at === endOfHead(bytes) ? bytes.subarray(at) : undefined
}

/** Where a part, from a place in it on, ends in bytes that have it from a place on; 0 when they do not, or there is no place. */
function endOf(part: Buffer, bytes: Buffer, start: number, from = 0): number {
  if (start === 0) return 0
  for (let at = from; at < part.length; at++) if (bytes[start + at - from] !== part[at]) return 0
  return start + part.length - from
}

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
