/** A list of fewer alike objects is written as it is. */
const FEWEST_ROWS = 3

/** A plain object, as it is read. */
export type Fields = Readonly<Record<string, unknown>>

/** The keys of a list of plain objects that all have the same ones in the same order: it is written as a table. */
export function columnsOf(list: readonly unknown[]): readonly string[] | undefined {
  const [first, second] = list
  if (list.length < FEWEST_ROWS || !isPlain(first) || !isPlain(second)) return undefined
  const keys = Object.keys(first)
  if (keys.length === 0) return undefined
  for (let at = 1; at < list.length; at++) if (!isRow(list[at], keys)) return undefined
  return keys
}

function isRow(value: unknown, keys: readonly string[]): boolean {
  if (!isPlain(value)) return false
  let at = 0
  for (const key in value) if (key !== keys[at++]) return false
  return at === keys.length
}

function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
