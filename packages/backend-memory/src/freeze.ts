import { kindOf, refuse } from '@cashews/core'

const FREEZABLE = ['Object', 'Array', 'Error', 'Immutable']

/**
 * Freezes a value with all its parts, in place.
 *
 * @throws {ValueError} When a part can be changed although it is frozen, as a Map or a Date can.
 */
export function deepFreeze(value: unknown, seen: Set<object> = new Set()): void {
  if (typeof value === 'function' || typeof value === 'symbol') refuse(value, 'it is no data')
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  if (!FREEZABLE.includes(kindOf(value))) refuse(value, 'it cannot be frozen')
  seen.add(value)
  for (const part of Object.values(Object.getOwnPropertyDescriptors(value))) deepFreeze(part.value, seen)
  Object.freeze(value)
}
