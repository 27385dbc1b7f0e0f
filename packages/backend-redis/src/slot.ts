/** What a byte does to a CRC16 of the polynomial 0x1021 (Redis Cluster specification, "Key distribution model"). */
const OF_BYTE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** How many slots a Redis Cluster has. */
export const SLOTS = 16_384

/**
 * The slot of a name in a Redis Cluster: of its hash tag, from the first brace to the next closing one, or of all of it where
 * there is none or it is empty.
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
