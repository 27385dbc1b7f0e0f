import type { Milliseconds, WindowCount, WindowSlice } from '@cashews/core'
import { bytesOfInstants, instantsIn } from '../values/instants.ts'

/** The outcome of counting an event. */
export interface Counted {
  readonly found: WindowCount
  /** The window to store; `undefined` when it is unchanged. */
  readonly bytes: Buffer | undefined
}

/** Counts an event in a window, which is stored as the instants of its events, oldest first. */
export function countEvent(kept: Buffer | undefined, slice: WindowSlice, now: Milliseconds): Counted {
  const instants = kept === undefined ? [] : instantsIn(kept)
  const at = 'end' in slice ? slice.end : now
  const isOld =
    'start' in slice ? (event: number) => event < slice.start : (event: number) => event <= at - slice.period
  let old = 0
  while (old < instants.length && isOld(instants[old] as number)) old++
  instants.splice(0, old)
  const added = instants.length < slice.max
  if (added) insert(instants, at)
  const [oldest = at] = instants
  return {
    found: { count: instants.length, added, age: Math.max(0, at - oldest) },
    bytes: added || old > 0 ? bytesOfInstants(instants) : undefined,
  }
}

function insert(instants: number[], instant: number): void {
  let at = instants.length
  while (at > 0 && (instants[at - 1] as number) > instant) at--
  instants.splice(at, 0, instant)
}
