import { isOdd, isPlain } from './plain.ts'

/** A larger object is not worth a second look when it turns out to be something else. */
const MOST_FIELDS = 100

/** Tells whether a value is a plain object of text, finite numbers, booleans and `null`, which every format says as it is. */
export function isFlat(value: unknown): boolean {
  if (!isPlain(value)) return false
  let count = 0
  for (const key in value) if (++count > MOST_FIELDS || isOdd(key) || !isPlainPart(value[key])) return false
  return Object.getOwnPropertySymbols(value).length === 0
}

// Compared one by one: what `switch` asks for, the name of the type, V8 takes longer to answer.
function isPlainPart(part: unknown): boolean {
  if (typeof part === 'string' || typeof part === 'boolean' || part === null) return true
  return typeof part === 'number' && Number.isFinite(part) && !Object.is(part, -0)
}
