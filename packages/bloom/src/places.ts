import type { BitReader } from '@cashews/core'
import { type Hash, mixed } from './murmur.ts'
import type { Sizing } from './sizing.ts'

const TWO_20 = 2 ** 20
const TWO_52 = 2 ** 52

/** The part of a filter in which an element has its bits. */
export function partOf(hash: Hash, { parts }: Sizing): number {
  if (parts === 1) return 0
  const third = mixed((hash[0] as number) + (hash[1] as number)) >>> 0
  return Math.floor((third * parts) / 2 ** 32)
}

/**
 * The bits of an element, by double hashing: the first word of the hash gives the first bit, the second word the step
 * to each further one (Kirsch, Mitzenmacher, "Less Hashing, Same Performance: Building a Better Bloom Filter", 2006).
 *
 * @param spare How many indexes behind the last bit to append.
 */
export function placesOf(hash: Hash, { bits, hashes }: Sizing, spare: number): number[] {
  let place = firstPlace(hash, bits)
  const back = stepBack(hash, bits)
  const places = new Array<number>(hashes + spare)
  for (let at = 0; at < hashes; at++) {
    places[at] = place
    place -= back
    if (place < 0) place += bits
  }
  for (let at = 0; at < spare; at++) places[hashes + at] = bits + at
  return places
}

/** Whether all the bits of an element are set. */
export function hasAll(reader: BitReader, hash: Hash, { bits, hashes }: Sizing): boolean {
  let place = firstPlace(hash, bits)
  const back = stepBack(hash, bits)
  for (let at = 0; at < hashes; at++) {
    if (reader.bit(place) === 0) return false
    place -= back
    if (place < 0) place += bits
  }
  return true
}

/** Counts the bits of an element that are set. */
export function countSet(reader: BitReader, hash: Hash, sizing: Sizing): number {
  return placesOf(hash, sizing, 0).reduce((set, place) => set + reader.bit(place), 0)
}

function firstPlace(hash: Hash, bits: number): number {
  return scaled(hash[0] as number, hash[1] as number, bits)
}

/** The step, as the equivalent step backwards, which keeps every number within 31 bits, where V8 is fast. */
function stepBack(hash: Hash, bits: number): number {
  return bits === 1 ? 0 : bits - 1 - scaled(hash[1] as number, hash[0] as number, bits - 1)
}

/**
 * Scales a word of a hash to a whole number below `limit`. The other word adds precision, so that all numbers are
 * equally likely even if there are millions. The arithmetic is exact in doubles, and thus the same everywhere.
 */
function scaled(word: number, fraction: number, limit: number): number {
  return ((word * TWO_20 + (fraction >>> 12)) * (limit / TWO_52)) | 0
}
