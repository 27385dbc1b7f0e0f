import type { Content } from '@cashews/core'
import { inLua } from '../scripts/script.ts'

/** The first bytes of a string that holds bits, to tell it from a value: eight, so that the fields begin at bit 64. */
const HEADER: Buffer = Buffer.from('\xc6cbits\x01\x00', 'latin1')

/** The same, for a script. */
export const BITS_HEADER_IN_LUA: string = inLua(HEADER)
/** The number of bytes in front of the bits. */
export const BITS_HEADER_BYTES: number = HEADER.length

/** Whether a string holds bits. */
export function isBits(bytes: Buffer): boolean {
  return bytes[0] === HEADER[0] && bytes.subarray(0, HEADER.length).equals(HEADER)
}

/** Makes the string for these bytes of bits. */
export function bitString(items: readonly number[]): Buffer {
  return Buffer.concat([HEADER, Buffer.from(items)])
}

/** The content of such a string. */
export function bitsIn(bytes: Buffer): Content {
  return { kind: 'bits', items: [...bytes.subarray(HEADER.length)] }
}
