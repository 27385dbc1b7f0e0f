/** What MessagePack puts before bytes of any length: this, and how many. */
const BIN_32 = 0xc6
const HEAD = 5
/** From here on it is worth it. */
const FEWEST = 65_536

/** Tells whether a value is bytes and nothing else, and many. */
export function isBytesAlone(settled: unknown): settled is Buffer {
  return Buffer.isBuffer(settled) && settled.length >= FEWEST
}

/**
 * Writes such a value after `reserved` free bytes, as msgpackr would, which takes four times the memory for it and keeps
 * that. So much memory, taken again and again, is what the garbage collection of a program that keeps large values does.
 */
export function packBytes(bytes: Buffer, reserved: number): Buffer {
  const packed = Buffer.allocUnsafeSlow(reserved + HEAD + bytes.length)
  packed[reserved] = BIN_32
  packed.writeUInt32BE(bytes.length, reserved + 1)
  bytes.copy(packed, reserved + HEAD)
  return packed
}

/** The bytes that a payload consists of, in place; `undefined` when it is something else, or a few bytes. */
export function bytesIn(payload: Buffer, start: number): Buffer | undefined {
  if (payload[start] !== BIN_32) return undefined
  const length = payload.length - start - HEAD
  return length >= FEWEST && payload.readUInt32BE(start + 1) === length ? payload.subarray(start + HEAD) : undefined
}
