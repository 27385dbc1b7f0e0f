import type { BackendBase, Windows } from '../backend.ts'
import { editItems } from './kind.ts'

/** Makes {@link Windows} of a store that knows values only. */
export function defaultWindows(store: BackendBase): Windows {
  return {
    incr: (key, { start, end, max, lifetime, signed }) =>
      editItems<number, number>(store, 'window', key, (events) => {
        const left = events.filter((event) => event >= start)
        if (left.length < max) return [left.push(end), left, lifetime]
        return [signed ? -left.length : left.length, left.length < events.length && left]
      }),
  }
}
