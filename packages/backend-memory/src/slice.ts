import type { Milliseconds } from '@cashews/core'

/** How long one slice takes, and how many entries it looks at between two looks at the clock. */
const SLICE: Milliseconds = 1
const GLANCE = 16

/**
 * Looks at the pointers from one on, for about a millisecond, whatever their number: a million entries block nobody.
 * Answers where to go on; 0 when that was the last.
 *
 * @param keys What key each pointer has; none is passed over.
 */
export function slice(keys: readonly (string | undefined)[], from: number, look: (pointer: number) => void): number {
  const end = performance.now() + SLICE
  for (let pointer = from; pointer < keys.length; pointer++) {
    if (pointer % GLANCE === 0 && pointer > from && performance.now() > end) return pointer
    if (keys[pointer] !== undefined) look(pointer)
  }
  return 0
}
