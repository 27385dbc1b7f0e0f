import { CommandError, WrongTypeError } from '../errors.ts'

/**
 * What a counter holds once `by` is added.
 *
 * @param count What its key holds; nothing counts as 0.
 * @throws {WrongTypeError} When that is not a whole number, or the sum would be none that can be counted on from.
 * @throws {CommandError} When `by` is not a whole number.
 */
export function sumOf(key: string, count: unknown, by: number): number {
  if (!Number.isSafeInteger(by)) throw new CommandError(`Cannot add ${by} to "${key}": it is not a whole number.`)
  const sum = Number.isSafeInteger(count) ? (count as number) + by : Number.NaN
  if (!Number.isSafeInteger(sum))
    throw new WrongTypeError(`Key "${key}" does not hold a whole number that ${by} can be added to.`)
  return sum
}
