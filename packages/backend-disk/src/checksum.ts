import * as zlib from 'node:zlib'

/** The checksum of a value, or of what it continues. */
export function crc32(data: string | Uint8Array, before = 0): number {
  return zlib.crc32(data, before)
}
