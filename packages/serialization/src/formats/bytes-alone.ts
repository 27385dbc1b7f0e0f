/** The MessagePack tag of bytes of any length; their number follows. */
const BIN_32 = 0xc6
const HEAD = 5
/** From how many bytes on this pays. */
const FEWEST = 65_536

/** Whether a value is a large array of bytes. */
export function isBytesAlone(settled: unknown): settled is Buffer {
  return Buffer.isBuffer(settled) && settled.length >= FEWEST
}

/**
 * Writes such a value after `reserved` free bytes, as msgpackr would, but that allocates four times the memory and
 * keeps it, which burdens the garbage collector of programs that store large values.
 */
export function packBytes(bytes: Buffer, reserved: number): Buffer {
  const packed = Buffer.allocUnsafeSlow(reserved + HEAD + bytes.length)
  packed[reserved] = BIN_32
  packed.writeUInt32BE(bytes.length, reserved + 1)
  bytes.copy(packed, reserved + HEAD)
  return packed
}

/** The bytes that a payload consists of, without a copy; `undefined` when it is anything else. */
export function bytesIn(payload: Buffer, start: number): Buffer | undefined {
  if (payload[start] !== BIN_32) return undefined
  const length = payload.length - start - HEAD
  return length >= FEWEST && payload.readUInt32BE(start + 1) === length ? payload.subarray(start + HEAD) : undefined
}
