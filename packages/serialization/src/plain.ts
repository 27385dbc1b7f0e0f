import { Refusal } from './refusal.ts'
import { MARK } from './tagged.ts'

/** A plain object. */
export type Fields = Record<string, unknown>

export function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** Tells whether a value is text, a finite number, a boolean or `null`, which every format says as it is. */
export function isPlainPart(part: unknown): boolean {
  // Compared one by one: what `switch` asks for, the name of the type, V8 takes longer to answer.
  if (typeof part === 'string' || typeof part === 'boolean' || part === null) return true
  return typeof part === 'number' && Number.isFinite(part) && !Object.is(part, -0)
}

/** Beyond it a field count does not fit what msgpackr writes for a map. */
export const MOST_FIELDS_OF_MAP = 0xffff

/** Tells whether a key would not be read as a key. */
export function isOdd(key: string): boolean {
  return key === '__proto__' || key === MARK
}

/** `Object.prototype` or `Array.prototype` of another realm, as test runners and `node:vm` have them. */
export function isForeign(prototype: object): boolean {
  const above: object | null = Object.getPrototypeOf(prototype)
  if (above === null) return Object.hasOwn(prototype, 'isPrototypeOf')
  return Array.isArray(prototype) && isForeign(above)
}

/** Tells whether an object has symbols for keys, enumerable or not. */
export function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0
}

/** @throws {Refusal} When keys of an object would be lost, because they are symbols. */
export function refuseSymbols(value: object): void {
  const symbols = Object.getOwnPropertySymbols(value)
  if (symbols.length === 0) return
  for (const symbol of symbols)
    if (Object.prototype.propertyIsEnumerable.call(value, symbol))
      throw new Refusal(value, `it has the symbol ${String(symbol)} for a key`)
}
