import type { TagStamp } from '@cashews/core'

/** Marks a value with tags. Then the length of the head in four bytes, the head, and the value as it is without tags. */
const TAGS_HEADER: Buffer = Buffer.from('\xc6ctags\x01\x00', 'latin1')
const START = TAGS_HEADER.length + 4

/** What a value with tags is made of. */
export interface TaggedBytes {
  readonly stamps: readonly TagStamp[]
  readonly bytes: Buffer
}

/** The head: JSON, first the tags, then the stamps, so that a script can put the stamps to tags it was given. */
type Head = readonly [tags: readonly string[], stamps: readonly string[]]

/** Puts the stamps of its tags before the bytes of a value. */
export function joinTags(stamps: readonly TagStamp[], bytes: Buffer | string): Buffer {
  const head: Head = [stamps.map(([tag]) => tag), stamps.map(([, stamp]) => stamp)]
  const text = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([TAGS_HEADER, length, text, Buffer.from(bytes)])
}

/** Takes the stamps from a value; `undefined` when it has none. */
export function splitTags(bytes: Buffer): TaggedBytes | undefined {
  if (bytes[0] !== TAGS_HEADER[0] || bytes[2] !== TAGS_HEADER[2] || bytes.length < START) return undefined
  if (TAGS_HEADER.compare(bytes, 0, TAGS_HEADER.length) !== 0) return undefined
  const end = START + bytes.readUInt32BE(TAGS_HEADER.length)
  const stamps = stampsIn(bytes.toString('utf8', START, end))
  return stamps && { stamps, bytes: bytes.subarray(end) }
}

function stampsIn(head: string): TagStamp[] | undefined {
  try {
    const [tags, stamps] = JSON.parse(head) as Head
    const found: TagStamp[] = []
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
