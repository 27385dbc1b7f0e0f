import type { Milliseconds } from '@cashews/core'

/** How long a slice takes, and how many entries it visits before it looks at the clock again. */
const SLICE: Milliseconds = 1
const GLANCE = 16

/**
 * Visits pointers, beginning with `from`, for about a millisecond, so that a million entries block nobody. Returns where to
 * continue; 0 after the last.
 *
 * @param keys The key of each pointer. Pointers without a key are skipped.
 */
export function slice(keys: readonly (string | undefined)[], from: number, look: (pointer: number) => void): number {
  const end = performance.now() + SLICE
  for (let pointer = from; pointer < keys.length; pointer++) {
    if (pointer % GLANCE === 0 && pointer > from && performance.now() > end) return pointer
    if (keys[pointer] !== undefined) look(pointer)
  }
  return 0
}
