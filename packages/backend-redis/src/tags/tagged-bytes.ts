import type { TagStamp } from '@cashews/core'
import { inLua } from '../scripts/script.ts'

/** Marks a value with tags. After it come the length of the head in four bytes, the head, and the value as without tags. */
const TAGS_HEADER: Buffer = Buffer.from('\xc6ctags\x01\x00', 'latin1')
/** The same in a script. */
export const TAGS_HEADER_IN_LUA: string = inLua(TAGS_HEADER)
const START = TAGS_HEADER.length + 4
/** The first byte of a tag record that was made for a load: `~`. */
const MARK = 0x7e
const QUOTE = 0x22

/** Stamps, which nobody changes, so that they need not be copied with their value. */
class Stamps extends Array<TagStamp> {
  /** `map` and the like return ordinary lists. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  [Symbol.for('cashews.clone')](): this {
    return this
  }
}

/** The parts of a value with tags. */
export interface TaggedBytes {
  readonly stamps: readonly TagStamp[]
  readonly bytes: Buffer
}

/**
 * The head as JSON: first the stamps, then their tags. The stamps are thus at the same place in every value, where a script can
 * find them.
 */
type Head = readonly [stamps: readonly string[], tags: readonly string[]]

/** Makes the head of a value from the insides of two JSON lists. */
export function headOf(stamps: string, tags: string): Buffer {
  return headBytes(`[[${stamps}],[${tags}]]`)
}

/** The part of a head that follows the stamps. */
export function tailOf(tags: string): Buffer {
  return Buffer.from(`],[${tags}]]`)
}

/**
 * Where the head of a value ends, if it has these tags and the stamps in the records; otherwise 0. The head is compared with the
 * records that were just read, because a copy of an earlier head would no longer be in the caches of the CPU.
 *
 * @param held What was read, with the records from position `from` on.
 * @param tail The part of the expected head that follows the stamps.
 */
export function endOfHead(
  bytes: Buffer,
  held: readonly (Buffer | null | Error)[],
  from: number,
  count: number,
  tail: Buffer,
): number {
  if (!hasTags(bytes)) return 0
  let at = START + 2
  for (let nth = from; nth < from + count; nth++) {
    const record = held[nth]
    if (!(record instanceof Buffer)) return 0
    const skipped = record[0] === MARK ? 1 : 0
    const end = at + 1 + record.length - skipped
    if (bytes[at] !== QUOTE || bytes[end] !== QUOTE || !isAt(record, bytes, at + 1, skipped)) return 0
    at = end + 2
  }
  return isAt(tail, bytes, at - 1) ? at - 1 + tail.length : 0
}

/** Puts the stamps of a value's tags in front of its bytes. */
export function joinTags(stamps: readonly TagStamp[], bytes: Buffer | string): Buffer {
  const head: Head = [stamps.map(([, stamp]) => stamp), stamps.map(([tag]) => tag)]
  return joinHead(headBytes(JSON.stringify(head)), bytes)
}

/** Puts a head in front of the bytes of a value. */
export function joinHead(head: Buffer, bytes: Buffer | string): Buffer {
  const value = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const joined = Buffer.allocUnsafe(head.length + value.length)
  joined.set(head)
  joined.set(value, head.length)
  return joined
}

function headBytes(json: string): Buffer {
  const length = Buffer.byteLength(json)
  const head = Buffer.allocUnsafe(START + length)
  head.set(TAGS_HEADER)
  head.writeUInt32BE(length, TAGS_HEADER.length)
  head.write(json, START)
  return head
}

/** Splits a value with tags into stamps and bytes; `undefined` if it has no tags. */
export function splitTags(bytes: Buffer): TaggedBytes | undefined {
  if (!hasTags(bytes)) return undefined
  const end = START + bytes.readUInt32BE(TAGS_HEADER.length)
  const stamps = stampsIn(bytes.toString('utf8', START, end))
  return stamps && { stamps, bytes: bytes.subarray(end) }
}

function hasTags(bytes: Buffer): boolean {
  return bytes.length >= START && isAt(TAGS_HEADER, bytes, 0)
}

/** Whether bytes contain a part at some place. Goes byte by byte: they are few, and a call of `compare` would take longer. */
function isAt(part: Buffer, bytes: Buffer, at: number, skipped = 0): boolean {
  if (bytes.length < at + part.length - skipped) return false
  for (let nth = skipped; nth < part.length; nth++) if (bytes[at + nth - skipped] !== part[nth]) return false
  return true
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
