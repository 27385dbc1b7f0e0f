import { MAX_KEY_LENGTH } from './limit.ts'

/** Makes the key of a call. */
export type MakeKey = (self: unknown, args: readonly unknown[]) => string

/** How many keys are remembered at least; twice as many at most. */
const GENERATION = 1024

/** Whether a value is compared by what it is, and rendered the same each time. */
function isPlain(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

/**
 * Remembers recent keys, when they depend on one or two texts or numbers only: looking one up costs less than writing
 * it again. Forgets by generation. Keys that had to be hashed are not remembered, as their arguments may be huge.
 */
export function rememberKeys(make: MakeKey, [first, second, ...more]: readonly number[]): MakeKey {
  if (first === undefined || more.length) return make
  let young = new Map<unknown, Map<unknown, string>>()
  let old = young
  let size = 0
  let row: Map<unknown, string> | undefined // that of `rowOf`, which is often the same again
  let rowOf: unknown
  return (self, args) => {
    const a = args[first]
    const b = second === undefined ? 0 : args[second]
    if (!isPlain(a) || !isPlain(b)) return make(self, args)
    if (b !== rowOf) {
      row = young.get(b)
      rowOf = b
    }
    const known = row?.get(a)
    if (known !== undefined) return known
    const key = old.get(b)?.get(a) ?? make(self, args)
    if (key.length < MAX_KEY_LENGTH) {
      if (++size > GENERATION) {
        old = young
        young = new Map()
        size = 1
      }
      row = young.get(b) ?? new Map<unknown, string>()
      young.set(b, row.set(a, key))
    }
    return key
  }
}
