import type { Hash } from './murmur.ts'
import type { Sizing } from './sizing.ts'

const TWO_20 = 2 ** 20
const TWO_52 = 2 ** 52

/** The part of a filter in which an element has its bits. */
export function partOf(hash: Hash, { parts }: Sizing): number {
  return parts === 1 ? 0 : Math.floor(((hash[1] as number) * parts) / 2 ** 32)
}

/**
 * The bits of an element, by double hashing: the first goes by the first and second word of the hash, and each further
 * one is a step away that goes by the third and fourth (Kirsch, Mitzenmacher, "Less Hashing, Same Performance: Building
 * a Better Bloom Filter", 2006). `spare` more indexes follow: those behind the last bit.
 */
export function placesOf(hash: Hash, { bits, hashes }: Sizing, spare: number): number[] {
  let place = scaled(hash[0] as number, hash[1] as number, bits)
  // Stepping back by the rest keeps every number within 31 bits, which is what V8 is fast with.
  const rest = bits === 1 ? 0 : bits - 1 - scaled(hash[2] as number, hash[3] as number, bits - 1)
  const places = new Array<number>(hashes + spare)
  for (let at = 0; at < hashes; at++) {
    places[at] = place
    place -= rest
    if (place < 0) place += bits
  }
  for (let at = 0; at < spare; at++) places[hashes + at] = bits + at
  return places
}

/** Makes of 52 bits of a hash a whole number below `limit`. Exact in doubles, so that it is the same everywhere. */
function scaled(high: number, low: number, limit: number): number {
  return (((high * TWO_20 + (low >>> 12)) / TWO_52) * limit) | 0
}
