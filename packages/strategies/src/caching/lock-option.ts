import {
  type Cache,
  checkKnown,
  checkThat,
  isOptions,
  LONGEST_TIMER,
  type Lock,
  LockedError,
  type LockOptions,
  loadSignal,
  parseTtl,
  type Ttl,
} from '@cashews/core'

/** Whether processes take turns to load. */
export interface LockOption {
  /**
   * `true`: only one of the processes that share the store loads a key at a time; the others wait for its result. The
   * lock is renewed during the load; `ttl` (10 seconds by default) is how long it outlives a process that died. A
   * caller that has waited for `wait` (a minute by default) loads without the lock.
   *
   * @default false
   */
  readonly lock?: boolean | undefined | Locking
}

type Locking = { readonly [K in 'ttl' | 'wait' | 'checkInterval']?: LockOptions[K] | undefined }

/** Validates the option; `undefined` when there is no lock. */
export function lockingOf(strategy: string, { lock = false }: LockOption): LockOptions | undefined {
  if (lock === false) return undefined
  const given: Locking = lock === true ? {} : lock
  checkThat(isOptions(given), 'lock must be true, false or an object of options', given)
  checkKnown(`lock of ${strategy}`, given, ['ttl', 'wait', 'checkInterval'])
  checkTimes(given, 'lock.')
  const { ttl = '10s', wait = '1m', checkInterval } = given
  return { ttl, wait, checkInterval }
}

/** @throws {ConfigurationError} When one of the times cannot work. */
export function checkTimes({ ttl, wait, checkInterval }: Locking, prefix = ''): void {
  const times = { ttl, wait: wait === false || wait === 0 ? undefined : wait, checkInterval }
  for (const [name, time] of Object.entries(times)) if (time !== undefined) parseTtl(time, prefix + name)
}

/**
 * Runs `fn` with the lock of a key, or without it once the wait is over; not at all when no caller waits any more.
 * Another process may have loaded the key meanwhile.
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

/** Holds a lock while `fn` runs. If it was lost meanwhile, its release reports that. */
function renewing<T>(lock: Lock, ttl: Ttl, fn: () => Promise<T>): Promise<T> {
  const renew = () => lock.extend(ttl).catch(() => undefined)
  const renewal = setInterval(renew, Math.min(parseTtl(ttl) / 3, LONGEST_TIMER)).unref()
  return fn().finally(() => clearInterval(renewal))
}
