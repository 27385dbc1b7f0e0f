import * as zlib from 'node:zlib'

/** The CRC-32 of data; `before` is that of the data it continues. */
export function crc32(data: string | Uint8Array, before = 0): number {
  return zlib.crc32(data, before)
}
