import { type BackendBase, type KindWrite, type Locks, MISS, type Write } from '../backend.ts'
import { chain } from '../basics/awaitable.ts'
import { editItems, keptAs } from './kind.ts'

const LOCK = '\u0000lock\u0000'

/** Whether a key is that of a lock of {@link defaultLocks}. */
export function isLockKey(key: string): boolean {
  return key.startsWith(LOCK)
}

/** The key of a lock of {@link defaultLocks}. */
export function lockKey(lock: string): string {
  return LOCK + lock
}

/** Gives a lock to a token. */
export function locking({ lock, token, lifetime }: KindWrite & { readonly op: 'lock' }): Write {
  return { op: 'set', key: lockKey(lock), value: keptAs({ kind: 'lock', items: [token] }), lifetime }
}

/** Frees a lock. */
export function freeing({ lock }: KindWrite & { readonly op: 'unlock' }): Write {
  return { op: 'delete', key: lockKey(lock) }
}

/** Makes {@link Locks} for a store of values only. They have keys of their own, which {@link isLockKey} recognizes. */
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
