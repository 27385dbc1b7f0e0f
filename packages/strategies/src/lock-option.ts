import {
  type Cache,
  checkNames,
  checkThat,
  type Lock,
  LockedError,
  type LockOptions,
  loadSignal,
  type Milliseconds,
  parseTtl,
  type Ttl,
} from '@cashews/core'

/** How processes agree on who loads. */
export interface LockOption {
  /**
   * `true`: of all processes that share the store, one at a time loads a key; the others wait for what it stores. Its
   * lock is renewed while it loads; `ttl`, 10 seconds unless given, is how long it outlives a process that died. Whoever
   * has waited for `wait`, a minute unless given, loads by himself.
   *
   * @default false
   */
  readonly lock?: boolean | undefined | Locking
}

type Locking = Partial<Pick<LockOptions, 'ttl' | 'wait' | 'checkInterval'>>

/** Checks the option. Nothing when there is no lock. */
export function lockingOf(strategy: string, { lock = false }: LockOption): LockOptions | undefined {
  if (lock === false) return undefined
  const given: Locking = lock === true ? {} : lock
  checkThat(
    typeof given === 'object' && given !== null,
    `lock is true, false or { ttl, wait, checkInterval }, not ${lock}.`,
  )
  checkNames(`lock of ${strategy}`, given, ['ttl', 'wait', 'checkInterval'])
  checkTimes(given)
  return { ttl: '10s', wait: '1m', ...given }
}

/** Raises an error when one of the times cannot be. */
export function checkTimes({ ttl, wait, checkInterval }: Locking): void {
  const patience = wait === false || wait === 0 ? undefined : wait
  for (const time of [ttl, patience, checkInterval]) if (time !== undefined) parseTtl(time)
}

/**
 * Runs `fn` with the lock of a key, or without it when the wait was in vain; not at all once nobody waits for the load. Somebody
 * else may have loaded meanwhile.
 */
export function withLock<T>(cache: Cache, key: string, locking: LockOptions, fn: () => Promise<T>): Promise<T> {
  let entered = false
  const enter = (held: Lock) => {
    entered = true
    return renewing(held, locking.ttl, fn)
  }
  return cache.lock(`lock:${key}`, { ...locking, signal: loadSignal() }, enter).catch((error) => {
    if (entered || !(error instanceof LockedError)) throw error
    return fn()
  })
}

/** A timer cannot be set for more than 24 days. */
const LONGEST_PAUSE: Milliseconds = 3_600_000

/** Holds a lock for as long as `fn` runs. That it was lost all the same, its release reports. */
function renewing<T>(lock: Lock, ttl: Ttl, fn: () => Promise<T>): Promise<T> {
  const renew = () => lock.extend(ttl).catch(() => undefined)
  const renewal = setInterval(renew, Math.min(parseTtl(ttl) / 3, LONGEST_PAUSE)).unref()
  return fn().finally(() => clearInterval(renewal))
}
