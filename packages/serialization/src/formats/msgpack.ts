import { addExtension, Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr'
import { revive } from '../reading/revive.ts'
import { Tagged } from './tagged.ts'

/** The MessagePack extension of a {@link Tagged} part, followed by the array of its tag and its content. */
const EXTENSION = 0x43

/**
 * What msgpackr would otherwise revive from stored bytes: its own large integers, bundled strings, errors, ids and
 * pointers, sets, typed arrays, RegExps, dates. We never write these, but {@link Tagged} parts instead.
 */
const REFUSED = [0x42, 0x62, 0x65, 0x69, 0x70, 0x73, 0x74, 0x78, 0xff]

addExtension({
  Class: Tagged,
  type: EXTENSION,
  write: ({ tag, content }: Tagged) => [tag, content],
  read: revive,
})
for (const type of REFUSED)
  addExtension({
    type,
    unpack(): never {
      throw new Error(`extension ${type} is not accepted`)
    },
  })
const packr = new Packr({ useRecords: false, useToJSON: false })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, copyBuffers: true, structures: [] })
// msgpackr reads records by functions that it compiles from the bytes. Frozen, the list takes none.
Object.freeze((unpackr as unknown as { structures: object[] }).structures)

// The one byte that MessagePack does not use is read as a shared object.
Object.freeze(unpackr.unpack(Buffer.of(0xc1)))

/** Payloads up to this size are copied to a buffer of our own and read from there, which saves creating a `DataView`. */
const SCRATCH_BYTES = 8_192
const scratch = Buffer.alloc(SCRATCH_BYTES)
Object.defineProperty(scratch, 'buffer', { value: scratch.buffer })
Object.defineProperty(scratch, 'dataView', { value: new DataView(scratch.buffer, scratch.byteOffset, SCRATCH_BYTES) })
const range = { start: 0, end: 0 }

/** Writes settled data, after `reserved` bytes that are free for a header. */
export function pack(settled: unknown, reserved: number): Buffer {
  return packr.pack(settled, RESERVE_START_SPACE | reserved)
}

/** Reads data from `start` on. Runs no code that the bytes may contain. */
export function unpack(bytes: Buffer, start: number): unknown {
  const end = bytes.length
  if (end === start) throw new Error('there is no payload')
  if (end > SCRATCH_BYTES) return unpackr.unpack(bytes.subarray(start))
  scratch.set(bytes) // twice as fast as `copy`
  range.start = start
  range.end = end
  return unpackr.unpack(scratch, range)
}
