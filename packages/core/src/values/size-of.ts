import { isA } from '../basics/realm.ts'

/** What an object costs before its properties, and a property before its value, about. */
const OBJECT = 24
const SLOT = 8

/**
 * Estimates how many bytes a value occupies in memory: two for each UTF-16 code unit of text, eight for a number or a
 * reference, twenty-four for an object, the length of binary data. What is shared counts once.
 */
export function sizeOf(value: unknown, seen: Set<object> = new Set()): number {
  if (typeof value === 'string') return OBJECT + value.length * 2
  if (typeof value === 'bigint') return OBJECT + (value.toString(16).length >> 1)
  if (typeof value !== 'object' || value === null || seen.has(value)) return SLOT
  seen.add(value)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return OBJECT + value.byteLength
  return partsOf(value).reduce<number>((size, item) => size + SLOT + sizeOf(item, seen), OBJECT)
}

/** What an object consists of. Most objects have no tag, as Maps and Sets do: `isA` takes a while. */
function partsOf(value: object): unknown[] {
  if (!(Symbol.toStringTag in value)) return Object.values(value)
  return isA(value, Map) ? [...value].flat() : isA(value, Set) ? [...value] : Object.values(value)
}
