// What a tagged part is made of, as its tag promises. Each of these throws when it is something else: bytes may be anybody's.

/** Keys and values, which stand in turn. */
export function pairs(content: unknown): [unknown, unknown][] {
  const flat = asList(content)
  if (flat.length % 2 !== 0) fail()
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at], flat[2 * at + 1]])
}

export function asList(content: unknown): unknown[] {
  return Array.isArray(content) ? content : fail()
}

export function asText(content: unknown): string {
  return typeof content === 'string' ? content : fail()
}

export function asNumber(content: unknown): number {
  return typeof content === 'number' ? content : fail()
}

export function asBytes(content: unknown): Buffer {
  return Buffer.isBuffer(content) ? content : fail()
}

export function fail(): never {
  throw new Error('a tagged part is not what its tag says')
}
