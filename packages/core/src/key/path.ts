import { OMITTED } from './render.ts'
import type { Step } from './template.ts'

/** Whether a value is a `Map`, of this realm or another one, as test runners and `node:vm` have them. */
export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return value instanceof Map || (value as Map<unknown, unknown> | undefined)?.[Symbol.toStringTag] === 'Map'
}

/** Follows the steps of a placeholder. What is not there is an error, never silently empty, unless `?.` allows it. */
export function follow(start: unknown, steps: readonly Step[]): unknown {
  let value = start
  for (const { name, optional, item } of steps) {
    if (value === OMITTED || (optional && value == null)) return value ?? undefined
    const entries = item && isMap(value) ? value : undefined
    const next = entries ? entries.get(name) : (value as Record<string, unknown> | null | undefined)?.[name]
    if (next === undefined && !optional && (value == null || !(entries?.has(name) ?? name in Object(value)))) {
      throw new Error(
        `There is no "${name}" in ${value === null ? value : typeof value}; ${item ? '' : `?.${name} or `}:get(${name}) allow that.`,
      )
    }
    value = next
  }
  return value
}
