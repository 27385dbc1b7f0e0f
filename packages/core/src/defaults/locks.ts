import { chain } from '../awaitable.ts'
import { type BackendBase, type Locks, MISS } from '../backend.ts'
import { editItems } from './kind.ts'

const LOCK = '\u0000lock\u0000'

/** Tells the keys under which {@link defaultLocks} live from those of the application. */
export function isLockKey(key: string): boolean {
  return key.startsWith(LOCK)
}

/** Makes {@link Locks} of a store that knows values only: keys of their own, which {@link isLockKey} recognizes. */
export function defaultLocks(store: BackendBase): Locks {
  const edit = (key: string, change: Parameters<typeof editItems<string, boolean>>[3]) =>
    editItems<string, boolean>(store, 'lock', LOCK + key, change)
  return {
    acquire: (key, token, lifetime) =>
      edit(key, ([holder = token]) => [holder === token, holder === token && [token], lifetime]),
    extend: (key, token, lifetime) =>
      edit(key, ([holder]) => [holder === token, holder === token && [token], lifetime]),
    release: (key, token) => edit(key, ([holder]) => [holder === token, holder === token && []]),
    isLocked: (key) => chain(store.inspect(LOCK + key), (found) => found !== MISS),
  }
}
