import { hasSymbols, isOdd, isPlain, isPlainPart } from './plain.ts'

/** A larger object is not worth a second look when it turns out to be something else. */
const MOST_FIELDS = 100

/** Whether a value is a plain object of strings, finite numbers, booleans and `null`, which any format can represent. */
export function isFlat(value: unknown): boolean {
  if (!isPlain(value)) return false
  let count = 0
  for (const key in value) if (++count > MOST_FIELDS || isOdd(key) || !isPlainPart(value[key])) return false
  return !hasSymbols(value)
}
