import { kindOf, refuse } from '@cashews/core'

const FREEZABLE = ['Object', 'Array', 'Error', 'Immutable']

/**
 * Freezes a value with all its parts, in place, and returns it.
 *
 * @throws {ValueError} When a part cannot be made immutable by freezing, such as a Map or a Date. Nothing is frozen then.
 */
export function deepFreeze(value: unknown): unknown {
  const parts = new Set([value])
  for (const part of parts) {
    if (typeof part === 'function' || typeof part === 'symbol') refuse(part, 'it is not data')
    if (typeof part !== 'object' || part === null) continue
    if (!FREEZABLE.includes(kindOf(part))) refuse(part, 'it cannot be frozen')
    for (const field of Object.values(Object.getOwnPropertyDescriptors(part))) parts.add(field.value)
  }
  for (const part of parts) Object.freeze(part)
  return value
}
