import { kindOfOption } from '../basics/options.ts'
import { CommandError } from '../errors.ts'

/** The most bits of a key, as in Redis: 512 MB. */
const MOST_BITS = 4_294_967_296
/** A JavaScript number is exact up to this many bits. */
const MOST_BITS_OF_FIELD = 53

/**
 * Refuses bit fields that are too wide, or that lie outside of what a key can hold.
 *
 * @throws {CommandError} Naming the field, and the bounds.
 */
export function checkBitFields(indexes: readonly number[], size: number, mostBits: number = MOST_BITS_OF_FIELD): void {
  if (!Number.isInteger(size) || size < 1 || size > mostBits)
    throw new CommandError(`A field has 1 to ${mostBits} bits, not ${kindOfOption(size)}.`)
  for (const index of indexes)
    if (!Number.isInteger(index) || index < 0 || (index + 1) * size > MOST_BITS)
      throw new CommandError(
        `Field ${kindOfOption(index)} of ${size} bits lies outside the ${MOST_BITS} bits that a key can hold.`,
      )
}
