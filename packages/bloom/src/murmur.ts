/** A 64-bit hash as two words. The array is reused: read it before the next call. */
export type Hash = Uint32Array

const hash: Hash = new Uint32Array(2)
const SECOND_SEED = 0x9747b28c

/**
 * Hashes the UTF-8 bytes of a string with MurmurHash3 x86 32-bit, with the seeds 0 and 9747b28c (Austin Appleby, public
 * domain, https://github.com/aappleby/smhasher): the same in every process and on every machine.
 */
export function hashText(text: string): Hash {
  return hashCodes(text, 0, 0x7f) ?? hashBytes(Buffer.from(text))
}

/** Hashes bytes likewise. The second seed is derived from the first. */
export function hashBytes(bytes: Uint8Array, seed = 0): Hash {
  const { buffer, byteOffset, length } = bytes
  return hashCodes(Buffer.from(buffer, byteOffset, length).toString('latin1'), seed, 0xff) as Hash
}

/** Hashes bytes given as the characters of a string. Returns `undefined` when one of them is above `most`. */
function hashCodes(text: string, seed: number, most: number): Hash | undefined {
  const { length } = text
  const body = length - (length % 4)
  let first = seed | 0
  let second = (seed ^ SECOND_SEED) | 0
  let all = 0
  for (let at = 0; at < body; at += 4) {
    const a = text.charCodeAt(at)
    const b = text.charCodeAt(at + 1)
    const c = text.charCodeAt(at + 2)
    const d = text.charCodeAt(at + 3)
    all |= a | b | c | d
    const word = keyed(a | (b << 8) | (c << 16) | (d << 24))
    first = (Math.imul(rotated(first ^ word, 13), 5) + 0xe6546b64) | 0
    second = (Math.imul(rotated(second ^ word, 13), 5) + 0xe6546b64) | 0
  }
  let rest = 0
  for (let at = length - 1; at >= body; at--) {
    const code = text.charCodeAt(at)
    all |= code
    rest = (rest << 8) | code
  }
  if (all > most) return undefined
  const last = keyed(rest) ^ length
  hash[0] = mixed(first ^ last)
  hash[1] = mixed(second ^ last)
  return hash
}

function keyed(word: number): number {
  return Math.imul(rotated(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}

/** The finalizer of MurmurHash3, which makes every bit affect the whole word. */
export function mixed(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
