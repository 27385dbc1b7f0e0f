import { type Fields, isOdd, isPlain } from './plain.ts'

/** A list of fewer objects with the same keys is written as it is. */
const FEWEST_ROWS = 3

/** The keys of the objects in a list, if its first two have the same ones in the same order, and none is odd. */
export function columnsOf(list: readonly unknown[]): string[] | undefined {
  const [one, other] = [list[0], list[1]]
  if (list.length < FEWEST_ROWS || !isPlain(one) || !isPlain(other)) return undefined
  const keys = Object.keys(one)
  return keys.length > 0 && hasKeys(other, keys) && !keys.some(isOdd) ? keys : undefined
}

/** Whether an object has exactly these keys, in this order. */
export function hasKeys(row: Fields, keys: readonly string[]): boolean {
  let at = 0
  for (const key in row) if (key !== keys[at++]) return false
  return at === keys.length
}

/** Restores objects from their keys and settled values. */
export function rowsOf(keys: readonly string[], flat: readonly unknown[]): unknown[] {
  const rows: Fields[] = []
  for (let at = 0; at < flat.length; at += keys.length)
    rows.push(Object.fromEntries(keys.map((key, column) => [key, flat[at + column]])))
  return rows
}
