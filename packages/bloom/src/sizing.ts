import { ConfigurationError } from '@cashews/core'

/** What a filter is to hold. */
export interface SizingOptions {
  /** How many elements the filter is made for, at least 1. With more, false positives become more frequent. */
  readonly capacity: number
  /** How many of the elements that are not in a full filter it takes for members, in percent. @default 1 */
  readonly falsePositives?: number
  /**
   * How many bytes one key of the store may hold, at most 256 MB. A larger filter is split over several keys, which
   * Redis Cluster spreads over its nodes.
   *
   * @default 268_435_456: 256 MB
   */
  readonly maxKeyBytes?: number
}

/** How a filter lies in the store. */
export interface Sizing {
  /** How many bits each part has. */
  readonly bits: number
  /** How many bits stand for an element. */
  readonly hashes: number
  /** Over how many keys the filter is split. */
  readonly parts: number
}

/** The names of these options. */
export const sizingNames: readonly string[] = ['capacity', 'falsePositives', 'maxKeyBytes']

/** Half of what Redis has room for under one key. */
const MOST_KEY_BYTES = 2 ** 28
/** Room for what a filter, and a store, note beside the elements. */
const SPARE_BYTES = 64

/**
 * Sizes a filter for `n` elements and a share `p` of false positives: `m = ⌈-n · ln p / ln² 2⌉` bits and
 * `k = round(m / n · ln 2)` hashes (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", CACM 13(7),
 * 1970; Broder, Mitzenmacher, "Network Applications of Bloom Filters: A Survey", 2004, §2.1). Where that leaves no
 * hash, one, and `m = ⌈-n / ln(1 - p)⌉`.
 *
 * @throws {ConfigurationError} On a capacity below 1, a rate that is not between 0 and 100, or keys of no size.
 */
export function sizingOf({ capacity, falsePositives = 1, maxKeyBytes = MOST_KEY_BYTES }: SizingOptions): Sizing {
  if (!Number.isSafeInteger(capacity) || capacity < 1)
    throw new ConfigurationError(
      `The capacity of a filter is how many elements it is for, at least 1, not ${capacity}.`,
    )
  if (!(falsePositives > 0 && falsePositives < 100))
    throw new ConfigurationError(
      `falsePositives is a percentage between 0 and 100, both excluded, such as 1, not ${falsePositives}.`,
    )
  if (!(maxKeyBytes >= 2 * SPARE_BYTES && maxKeyBytes <= MOST_KEY_BYTES))
    throw new ConfigurationError(`maxKeyBytes is from ${2 * SPARE_BYTES} to ${MOST_KEY_BYTES}, not ${maxKeyBytes}.`)
  const p = falsePositives / 100
  const textbook = Math.ceil((-capacity * Math.log(p)) / Math.LN2 ** 2)
  const hashes = Math.round((textbook / capacity) * Math.LN2)
  const all = hashes >= 1 ? textbook : Math.ceil(-capacity / Math.log1p(-p))
  const parts = Math.ceil(all / ((maxKeyBytes - SPARE_BYTES) * 8))
  return { bits: Math.ceil(all / parts), hashes: Math.max(hashes, 1), parts }
}

/** The share of elements, 0 to 1, that a filter takes for members although they are not, when so much of it is filled. */
export function falsePositiveRate(filled: number, { hashes }: Sizing): number {
  return filled ** hashes
}

/**
 * About how many elements a filter holds when so much of it is filled (Swamidass, Baldi, "Mathematical Correction for
 * Fingerprint Similarity Measures to Improve Chemical Retrieval", J. Chem. Inf. Model. 47(3), 2007).
 */
export function elementsFor(filled: number, { bits, hashes, parts }: Sizing): number {
  return Math.round(((-bits * parts) / hashes) * Math.log1p(-filled))
}

/**
 * The name of a filter in the store. Everything that decides where its bits are is part of it, so that two filters of
 * different sizes, or two releases that would not agree, never mix.
 */
export function storedNameOf(kind: string, name: string, { bits, hashes, parts }: Sizing): string {
  return `${kind}:${name}:${bits}x${parts}:${hashes}:murmur3`
}
