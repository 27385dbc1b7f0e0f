/** The table of CRC16 with the polynomial 0x1021 (Redis Cluster specification, "Key distribution model"). */
const OF_BYTE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** The number of slots of a Redis Cluster. */
export const SLOTS = 16_384

/**
 * The slot of a name in a Redis Cluster. It is computed from the hash tag, which is the text between the first opening brace
 * and the next closing one, or from the whole name if it has no hash tag or an empty one.
 */
export function slotOf(name: string): number {
  const from = name.indexOf('{') + 1
  const to = from === 0 ? -1 : name.indexOf('}', from)
  return to > from ? slotOfPart(name, from, to) : slotOfPart(name, 0, name.length)
}

function slotOfPart(name: string, from: number, to: number): number {
  let crc = 0
  for (let at = from; at < to; at++) {
    const code = name.charCodeAt(at)
    if (code > 0x7f) return slotOfBytes(Buffer.from(name.slice(from, to)))
    crc = next(crc, code)
  }
  return crc % SLOTS
}

function slotOfBytes(bytes: Buffer): number {
  let crc = 0
  for (const byte of bytes) crc = next(crc, byte)
  return crc % SLOTS
}

function next(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ (OF_BYTE[(crc >> 8) ^ byte] as number)
}
