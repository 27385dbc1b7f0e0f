/** What an object costs before its properties, and a property before its value, about. */
const OBJECT = 24
const SLOT = 8

/**
 * Estimates how many bytes a value occupies in memory: two for each UTF-16 code unit of text, eight for a number or a
 * reference, twenty-four for an object, the length of binary data. What is shared counts once.
 */
export function sizeOf(value: unknown, seen: Set<object> = new Set()): number {
  if (typeof value === 'string') return OBJECT + value.length * 2
  if (typeof value === 'bigint') return OBJECT + Math.ceil(value.toString(16).length / 2)
  if (typeof value !== 'object' || value === null) return SLOT
  if (seen.has(value)) return SLOT
  seen.add(value)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return OBJECT + value.byteLength
  let size = OBJECT
  if (value instanceof Map) for (const [key, item] of value) size += sizeOf(key, seen) + sizeOf(item, seen) + SLOT
  else if (value instanceof Set) for (const item of value) size += sizeOf(item, seen) + SLOT
  else for (const item of Object.values(value)) size += SLOT + sizeOf(item, seen)
  return size
}
