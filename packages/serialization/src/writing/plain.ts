import { MARK } from '../formats/tagged.ts'
import { Refusal } from './refusal.ts'

/** A plain object. */
export type Fields = Record<string, unknown>

export function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** Whether a value is a string, a finite number, a boolean or `null`, which every format can represent. */
export function isPlainPart(part: unknown): boolean {
  // One comparison after another, because V8 is slower at a `switch` over `typeof`.
  if (typeof part === 'string' || typeof part === 'boolean' || part === null) return true
  return typeof part === 'number' && Number.isFinite(part) && !Object.is(part, -0)
}

/** The most fields of a map that msgpackr can write. */
export const MOST_FIELDS_OF_MAP = 0xffff

/** Whether a key would be lost or misread as a key of a map. */
export function isOdd(key: string): boolean {
  return key === '__proto__' || key === MARK
}

/** `Object.prototype` or `Array.prototype` of another realm, as test runners and `node:vm` have them. */
export function isForeign(prototype: object): boolean {
  const above: object | null = Object.getPrototypeOf(prototype)
  if (above === null) return Object.hasOwn(prototype, 'isPrototypeOf')
  return Array.isArray(prototype) && isForeign(above)
}

/** Whether an object has symbol keys, enumerable or not. */
export function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0
}

/** @throws {Refusal} When an object has enumerable symbol keys, which would be lost. */
export function refuseSymbols(value: object): void {
  const symbols = Object.getOwnPropertySymbols(value)
  if (symbols.length === 0) return
  for (const symbol of symbols)
    if (Object.prototype.propertyIsEnumerable.call(value, symbol))
      throw new Refusal(value, `it has the symbol ${String(symbol)} as a key`)
}
