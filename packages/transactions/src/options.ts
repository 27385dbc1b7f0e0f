import {
  Cache,
  checkCount,
  checkKnown,
  checkList,
  checkOneOf,
  checkThat,
  checkType,
  type Milliseconds,
  parseTtl,
  type Ttl,
} from '@cashews/core'

/**
 * How transactions are isolated from each other. `fast`: not at all; writes are still all made or none. `locked`: others
 * wait for the keys that one reads or writes. `serializable`: as if they ran one after another; when others changed what
 * one has read, its function runs again.
 */
export type TransactionMode = 'fast' | 'locked' | 'serializable'

/** Settings of `transaction`. */
export interface TransactionOptions {
  /** How the transaction is isolated from others. @default 'locked' */
  readonly mode?: TransactionMode | undefined
  /**
   * How long to wait for the locks of others in total, and how long its own locks outlive a process that dies: they are
   * renewed while the function runs. For the mode `locked` only.
   *
   * @default '10s'
   */
  readonly timeout?: Ttl | undefined
  /** How often the function may run: it runs again after a conflict with others. @default 10 */
  readonly tries?: number | undefined
  /** The keys to lock and read together before the function runs. For the mode `locked` only. */
  readonly keys?: readonly string[] | undefined
  /** Whether `serializable` may look for keys by pattern, and miss those that appear meanwhile. @default false */
  readonly phantoms?: boolean | undefined
  /**
   * For a store that can change only keys of one slot in one step, as Redis Cluster does. `refuse`: the first key of
   * another slot is an error. `per-slot`: slots are committed one after the other, so that the commit is not atomic.
   *
   * @default 'refuse'
   */
  readonly crossSlot?: 'refuse' | 'per-slot' | undefined
  /** Whether a commit that fails because of its store is reported to `onError` instead of thrown. @default false */
  readonly suppress?: boolean | undefined
}

/** The settings, resolved. */
export interface Settings {
  readonly mode: TransactionMode
  readonly timeout: Milliseconds
  readonly tries: number
  readonly keys: readonly string[]
  readonly phantoms: boolean
  readonly crossSlot: 'refuse' | 'per-slot'
  readonly suppress: boolean
}

const MODES: readonly TransactionMode[] = ['fast', 'locked', 'serializable']
const NAMES = ['mode', 'timeout', 'tries', 'keys', 'phantoms', 'crossSlot', 'suppress']

/**
 * A cache of another copy of core would not notice the transaction, and write at once.
 *
 * @throws {ConfigurationError} When the cache is of another copy.
 */
export function checkCopy(cache: Cache): void {
  checkThat(
    cache instanceof Cache,
    'This cache comes from another copy of @cashews/core than the transaction. Load both by import or both by require, of one version, and bundle with the condition module-sync.',
  )
}

/** @throws {ConfigurationError} When an option does not exist or cannot work. */
export function settingsOf(options: TransactionOptions): Settings {
  checkKnown('A transaction', options, NAMES)
  const { mode = 'locked', timeout = '10s', tries = 10, keys = [], crossSlot = 'refuse' } = options
  checkOneOf('mode', mode, MODES)
  checkCount('tries', tries)
  checkThat(crossSlot === 'refuse' || crossSlot === 'per-slot', "crossSlot must be 'refuse' or 'per-slot'", crossSlot)
  checkList('string', 'keys', keys, "['user:1']")
  checkThat(keys.length === 0 || mode === 'locked', `Only the mode 'locked' takes keys, not '${mode}'.`)
  const lifetime = timeout === '10s' ? 10_000 : parseTtl(timeout, 'timeout')
  checkThat(
    lifetime < Number.POSITIVE_INFINITY,
    'A timeout must be finite, so that the locks of a process that dies end.',
  )
  const { phantoms = false, suppress = false } = options
  checkType('boolean', { phantoms, suppress })
  return { mode, timeout: lifetime, tries, keys, phantoms, crossSlot, suppress }
}
