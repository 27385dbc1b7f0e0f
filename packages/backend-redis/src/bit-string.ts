import type { Content } from '@cashews/core'
import { inLua } from './script.ts'

/** Begins a string that holds bits, which tells it from a value. Eight bytes, so that fields begin at bit 64. */
const HEADER: Buffer = Buffer.from('\xc6cbits\x01\x00', 'latin1')

/** The same in a script. */
export const BITS_HEADER_IN_LUA: string = inLua(HEADER)
/** How many bytes of a string come before its bits. */
export const BITS_HEADER_BYTES: number = HEADER.length

/** Tells bits from values. */
export function isBits(bytes: Buffer): boolean {
  return bytes[0] === HEADER[0] && bytes.subarray(0, HEADER.length).equals(HEADER)
}

/** The string that holds some bytes of bits. */
export function bitString(items: readonly number[]): Buffer {
  return Buffer.concat([HEADER, Buffer.from(items)])
}

/** What such a string holds. */
export function bitsIn(bytes: Buffer): Content {
  return { kind: 'bits', items: [...bytes.subarray(HEADER.length)] }
}
