import { type Cache, LockedError, type LockOptions } from '@cashews/core'

/** How processes agree on who loads. */
export interface LockOption {
  /**
   * `true`: of all processes that share the store, one at a time loads a key; the others wait for what it stores. Its
   * lock is held for 10 seconds at most; whoever has waited that long loads by himself.
   *
   * @default false
   */
  readonly lock?: boolean | undefined | Pick<LockOptions, 'ttl' | 'wait'>
}

/** Runs `fn` with the lock of a key, or without it when the wait was in vain. Somebody else may have loaded meanwhile. */
export async function withLock<T>(cache: Cache, key: string, { lock }: LockOption, fn: () => Promise<T>): Promise<T> {
  const options = typeof lock === 'object' ? lock : ({ ttl: '10s' } as const)
  let entered = false
  try {
    return await cache.lock(`lock:${key}`, options, () => {
      entered = true
      return fn()
    })
  } catch (error) {
    if (entered || !(error instanceof LockedError)) throw error
    return fn()
  }
}
