/** Four words of 32 bits: a hash of 128 bits. The array is the same one each time: use it before the next call. */
export type Hash = Uint32Array

const BLOCK = 16
const encoder = new TextEncoder()
const hash: Hash = new Uint32Array(4)
let bytes = new Uint8Array(1_024)
let view = new DataView(bytes.buffer)

/**
 * Hashes the UTF-8 bytes of a text by MurmurHash3 x86 128-bit with seed 0 (Austin Appleby, public domain,
 * https://github.com/aappleby/smhasher): the same in every process, on every machine, for ever.
 */
export function hashText(text: string): Hash {
  const { length } = text
  makeRoom(length * 3)
  let all = 0
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at)
    bytes[at] = code
    all |= code
  }
  return hashed(all < 128 ? length : encoder.encodeInto(text, bytes).written, 0)
}

/** Hashes bytes likewise. */
export function hashBytes(data: Uint8Array, seed = 0): Hash {
  makeRoom(data.length)
  bytes.set(data)
  return hashed(data.length, seed)
}

function makeRoom(length: number): void {
  if (length + BLOCK <= bytes.length) return
  bytes = new Uint8Array(length + BLOCK)
  view = new DataView(bytes.buffer)
}

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

/** Hashes the first `length` of {@link bytes}. */
function hashed(length: number, seed: number): Hash {
  let h1 = seed
  let h2 = seed
  let h3 = seed
  let h4 = seed
  const words = view
  const body = length - (length % BLOCK)
  for (let at = 0; at < body; at += BLOCK) {
    h1 = Math.imul((rotated(h1 ^ keyed(words.getInt32(at, true), C1, 15, C2), 19) + h2) | 0, 5) + 0x561ccd1b
    h2 = Math.imul((rotated(h2 ^ keyed(words.getInt32(at + 4, true), C2, 16, C3), 17) + h3) | 0, 5) + 0x0bcaa747
    h3 = Math.imul((rotated(h3 ^ keyed(words.getInt32(at + 8, true), C3, 17, C4), 15) + h4) | 0, 5) + 0x96cd1c35
    h4 = Math.imul((rotated(h4 ^ keyed(words.getInt32(at + 12, true), C4, 18, C1), 13) + h1) | 0, 5) + 0x32ac3b17
  }
  // A word of nothing but zeros changes nothing, so that the last block may be filled up with them.
  bytes.fill(0, length, body + BLOCK)
  h1 ^= keyed(words.getInt32(body, true), C1, 15, C2) ^ length
  h2 ^= keyed(words.getInt32(body + 4, true), C2, 16, C3) ^ length
  h3 ^= keyed(words.getInt32(body + 8, true), C3, 17, C4) ^ length
  h4 ^= keyed(words.getInt32(body + 12, true), C4, 18, C1) ^ length

  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = mixed(h2 + h1)
  h3 = mixed(h3 + h1)
  h4 = mixed(h4 + h1)
  h1 = (mixed(h1) + h2 + h3 + h4) | 0
  hash[0] = h1
  hash[1] = h2 + h1
  hash[2] = h3 + h1
  hash[3] = h4 + h1
  return hash
}

function keyed(word: number, before: number, by: number, after: number): number {
  return Math.imul(rotated(Math.imul(word, before), by), after)
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}

function mixed(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
