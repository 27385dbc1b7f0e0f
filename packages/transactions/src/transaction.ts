import {
  type Awaitable,
  type Cache,
  CashewsError,
  checkThat,
  currentTransaction,
  LockedError,
  watchScopes,
} from '@cashews/core'
import type { TransactionControl } from './control.ts'
import { TransactionRestartError } from './errors.ts'
import type { Claims } from './locks/key-locks.ts'
import { checkCopy, type Settings, settingsOf, type TransactionOptions } from './options.ts'
import { Run } from './run.ts'

let isWatching = false

/**
 * Runs a function, and makes all its changes to caches together when it has ended. If it throws, none is made. Inside,
 * reads see its own writes. All caches and backends that it uses take part.
 *
 * Inside another transaction, its writes become part of the outer one when it ends. If it throws, only its own writes
 * are discarded.
 *
 * ```ts
 * await transaction(cache, async () => {
 *   const before = await cache.get(`session:${user}`)
 *   await cache.incr(`sessions:${user}`)
 *   await cache.set(`session:${user}`, session)
 *   return before
 * })
 * ```
 *
 * @throws {ConfigurationError} When an option does not exist or cannot work, or when the cache or the function is none.
 * @throws {LockedError} When others held a key for longer than `timeout`, or a lock was lost. Nothing is written.
 * @throws {TransactionConflictError} When every try ended in a conflict with others. Nothing is written.
 * @throws {BackendError} When the store refused the commit, or was away. Nothing is written.
 * @throws {TransactionUnknownError} When the store went away during the commit: everything is written, or nothing.
 * @throws {TransactionPartialError} When one of several stores was committed, and another one failed.
 */
export async function transaction<T>(
  cache: Cache,
  fn: (transaction: TransactionControl) => Awaitable<T>,
  options: TransactionOptions = {},
): Promise<T> {
  checkThat(
    cache?.engine !== undefined && typeof fn === 'function',
    'A transaction takes the cache and a function, as in transaction(cache, async () => { … }).',
  )
  checkCopy(cache)
  const settings = settingsOf(options)
  if (!isWatching) watchScopes()
  isWatching = true
  const around = currentTransaction()
  if (around instanceof Run && !around.isOver) return new Run(settings, 0, around).perform(fn, () => undefined)

  return runUntilDone(cache, fn, settings)
}

/** Runs the function again after each conflict, up to `tries` times. */
async function runUntilDone<T>(
  cache: Cache,
  fn: (transaction: TransactionControl) => Awaitable<T>,
  settings: Settings,
): Promise<T> {
  const { mode, timeout, keys, tries } = settings
  const deadline = performance.now() + timeout
  let claims: Claims | undefined
  for (let made = 1; ; made++) {
    const run = new Run(settings, deadline)
    const before = () => (claims ? run.claimAll(claims) : keys.length > 0 && cache.getMany(keys))
    try {
      const result = await run.perform(fn, before)
      cache.engine.tell('transaction', { mode, outcome: run.outcome })
      return result
    } catch (error) {
      cache.engine.tell('transaction', { mode, outcome: run.mayRunAgain ? 'conflict' : outcomeOf(error) })
      const isRestart = error instanceof TransactionRestartError
      const isLate = isRestart && performance.now() > deadline
      if (!run.mayRunAgain || made >= tries || isLate) throw isRestart ? heldByOthers(made, error) : error
      claims = run.locks?.wanted
      if (!claims) await new Promise((resolve) => setTimeout(resolve, Math.random() * 2 ** Math.min(made, 6)))
    }
  }
}

/** The outcome of a transaction that ended in an error: `failed` if the store did, or the cache; else the function threw. */
function outcomeOf(error: unknown): string {
  return error instanceof CashewsError ? 'failed' : 'rolled back'
}

function heldByOthers(runs: number, cause: Error): LockedError {
  return new LockedError(
    `Others hold locks that a transaction needs, and it cannot start again: it has run ${runs} times, or committed in part. Name its keys in the option keys.`,
    { cause },
  )
}
