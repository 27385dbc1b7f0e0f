import { hasSymbols, isPlainPart } from './plain.ts'

/** The most parts of a small value: every list and object counts as one, and so does each item and field. */
const MOST_PARTS = 200

/**
 * Whether a value is small and can be represented by JSON alone: plain objects and lists, none of them repeated, of
 * strings, finite numbers, booleans and `null`. Other values may still be storable.
 *
 * @param depth The deepest nesting allowed.
 */
export function isSmallJson(value: unknown, depth: number): boolean {
  try {
    return new Look(depth).passes(value, 0)
  } catch {
    return false // a part could not be read
  }
}

class Look {
  readonly #depth: number
  readonly #met: object[] = []
  #parts = 0

  constructor(depth: number) {
    this.#depth = depth
  }

  passes(value: unknown, depth: number): boolean {
    if (++this.#parts > MOST_PARTS) return false
    return isPlainPart(value) || (typeof value === 'object' && this.#passesWhole(value as object, depth + 1))
  }

  #passesWhole(value: object, depth: number): boolean {
    if (depth > this.#depth || this.#met.includes(value)) return false
    this.#met.push(value)
    const prototype: object | null = Object.getPrototypeOf(value)
    if (prototype === Array.prototype) return this.#passesList(value as unknown[], depth)
    return prototype === Object.prototype && this.#passesFields(value as Record<string, unknown>, depth)
  }

  #passesList(value: readonly unknown[], depth: number): boolean {
    if (value.length > MOST_PARTS || 'toJSON' in value) return false
    for (let at = 0; at < value.length; at++) if (!this.passes(value[at], depth)) return false
    return true
  }

  #passesFields(value: Readonly<Record<string, unknown>>, depth: number): boolean {
    if ('toJSON' in value || hasSymbols(value)) return false
    for (const key in value) if (key === '__proto__' || !this.passes(value[key], depth)) return false
    return true
  }
}
