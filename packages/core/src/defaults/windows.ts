import type { BackendBase, WindowCount, WindowSlice, Windows } from '../backend.ts'
import { chain } from '../basics/awaitable.ts'
import { editItems } from './kind.ts'

/** Makes {@link Windows} for a store of values only. */
export function defaultWindows(store: BackendBase): Windows {
  const count = (key: string, slice: WindowSlice, at: number, isLeft: (event: number) => boolean) =>
    editItems<number, WindowCount>(store, 'window', key, (events) => {
      const left = events.filter(isLeft)
      const added = left.length < slice.max
      if (added) left.push(at)
      const age = left.reduce((oldest, event) => Math.max(oldest, at - event), 0)
      const changed = added || left.length < events.length
      return [{ count: left.length, added, age }, changed && left, added ? slice.lifetime : undefined]
    })
  return {
    incr(key, slice) {
      if ('start' in slice) return count(key, slice, slice.end, (event) => event >= slice.start)
      return chain(store.now?.() ?? Date.now(), (now) => count(key, slice, now, (event) => now - event < slice.period))
    },
  }
}
