import type { Fields } from '../writing/plain.ts'
import { CustomPart, Reference } from './placeholders.ts'

/** Replaces each object inside `root` by what `by` returns for it, and continues inside of that. */
export function replace(root: unknown, by: (part: object) => unknown): unknown {
  const seen = new Set<object>()
  const queue: object[] = []
  const put = (part: unknown): unknown => {
    if (typeof part !== 'object' || part === null) return part
    const placed = by(part)
    if (placed === part || part instanceof Reference)
      if (typeof placed === 'object' && placed !== null && !seen.has(placed)) {
        seen.add(placed)
        queue.push(placed)
      }
    return placed
  }
  const whole = put(root)
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) putInside(next, put)
  return whole
}

function putInside(container: object, put: (part: unknown) => unknown): void {
  if (container instanceof Map) {
    const entries = [...container]
    container.clear()
    for (const [key, value] of entries) container.set(put(key), put(value))
  } else if (container instanceof Set) {
    const members = [...container]
    container.clear()
    for (const member of members) container.add(put(member))
  } else if (!ArrayBuffer.isView(container) && !(container instanceof CustomPart)) {
    for (const key of Object.getOwnPropertyNames(container)) {
      const part = (container as Fields)[key]
      const placed = put(part)
      if (placed !== part) Object.defineProperty(container, key, { value: placed })
    }
  }
}
