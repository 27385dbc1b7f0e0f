import type { BackendBase, Sets } from '../backend.ts'
import { editItems } from './kind.ts'

/** Makes {@link Sets} for a store of values only. */
export function defaultSets(store: BackendBase): Sets {
  const edit = <R>(key: string, change: Parameters<typeof editItems<string, R>>[3]) =>
    editItems<string, R>(store, 'set', key, change)
  return {
    add: (key, members, lifetime) =>
      edit(key, (before) => {
        const after = [...new Set([...before, ...members])]
        const added = after.length - before.length
        return [added, (added > 0 || lifetime !== undefined) && after, lifetime]
      }),
    remove: (key, members) =>
      edit(key, (before) => {
        const gone = new Set(members)
        const after = before.filter((member) => !gone.has(member))
        const removed = before.length - after.length
        return [removed, removed > 0 && after]
      }),
    pop: (key, count) => edit(key, (before) => [before.slice(0, count), before.length > 0 && before.slice(count)]),
  }
}
