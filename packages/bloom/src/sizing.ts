import { checkThat } from '@cashews/core'

/** The size of a filter. */
export interface SizingOptions {
  /** How many elements the filter is sized for, at least 1. With more, false positives become more frequent. */
  readonly capacity: number
  /** The rate of false positives when the filter is full, in percent. @default 1 */
  readonly falsePositives?: number | undefined
  /**
   * How many bytes one key of the store may hold, at most 256 MiB. A larger filter is split over several keys, which
   * Redis Cluster spreads over its nodes.
   *
   * @default 268_435_456, 256 MiB
   */
  readonly maxKeyBytes?: number | undefined
}

/** How a filter is laid out in the store. */
export interface Sizing {
  /** The bits of each part. */
  readonly bits: number
  /** The bits of each element. */
  readonly hashes: number
  /** How many keys the filter is split over. */
  readonly parts: number
}

/** The names of these options. */
export const sizingNames: readonly string[] = ['capacity', 'falsePositives', 'maxKeyBytes']

/** Half of what Redis can hold under one key. */
const MOST_KEY_BYTES = 2 ** 28
/** Room for what filters and stores add to the bits of the elements. */
const SPARE_BYTES = 64

/**
 * Sizes a filter for `n` elements and a share `p` of false positives: `m = ⌈-n · ln p / ln² 2⌉` bits and `k = round(m /
 * n · ln 2)` hashes (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", CACM 13(7), 1970; Broder,
 * Mitzenmacher, "Network Applications of Bloom Filters: A Survey", 2004, §2.1). If that rounds to no hash, uses one,
 * and `m = ⌈-n / ln(1 - p)⌉`.
 *
 * @throws {ConfigurationError} When the capacity is below 1, the rate not between 0 and 100, or the key size out of
 *   range.
 */
export function sizingOf({ capacity, falsePositives = 1, maxKeyBytes = MOST_KEY_BYTES }: SizingOptions): Sizing {
  checkThat(
    Number.isSafeInteger(capacity) && capacity >= 1,
    'The capacity of a filter must be at least 1 element',
    capacity,
  )
  checkThat(
    typeof falsePositives === 'number' && falsePositives > 0 && falsePositives < 100,
    'falsePositives must be a percentage between 0 and 100, both excluded, such as 1',
    falsePositives,
  )
  checkThat(
    typeof maxKeyBytes === 'number' && maxKeyBytes >= 2 * SPARE_BYTES && maxKeyBytes <= MOST_KEY_BYTES,
    `maxKeyBytes must be from ${2 * SPARE_BYTES} to ${MOST_KEY_BYTES}`,
    maxKeyBytes,
  )
  const p = falsePositives / 100
  const textbook = Math.ceil((-capacity * Math.log(p)) / Math.LN2 ** 2)
  const hashes = Math.round((textbook / capacity) * Math.LN2)
  const all = hashes >= 1 ? textbook : Math.ceil(-capacity / Math.log1p(-p))
  const parts = Math.ceil(all / ((maxKeyBytes - SPARE_BYTES) * 8))
  return { bits: Math.ceil(all / parts), hashes: Math.max(hashes, 1), parts }
}

/** The rate of false positives, 0 to 1, of a filter with this share of its bits set. */
export function falsePositiveRate(filled: number, { hashes }: Sizing): number {
  return filled ** hashes
}

/**
 * The estimated number of elements in a filter with this share of its bits set (Swamidass, Baldi, "Mathematical
 * Correction for Fingerprint Similarity Measures to Improve Chemical Retrieval", J. Chem. Inf. Model. 47(3), 2007).
 */
export function elementsFor(filled: number, { bits, hashes, parts }: Sizing): number {
  return Math.round(((-bits * parts) / hashes) * Math.log1p(-filled))
}

/**
 * The name of a filter in the store. It includes everything that decides where the bits are, so that filters of
 * different sizes, or releases that would disagree, never mix.
 */
export function storedNameOf(kind: string, name: string, { bits, hashes, parts }: Sizing): string {
  return `${kind}:${name}:${bits}x${parts}:${hashes}:murmur3`
}
