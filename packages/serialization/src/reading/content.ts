// Check that the content of a tagged part is of the type that its tag requires, and throw otherwise: stored bytes are
// untrusted.

/** Keys and values, alternating. */
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
  throw new Error('a tagged part does not fit its tag')
}
