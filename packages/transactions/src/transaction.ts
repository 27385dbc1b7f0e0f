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
import type { Claims } from './key-locks.ts'
import { type Settings, settingsOf, type TransactionOptions } from './options.ts'
import { Run } from './run.ts'

let isWatching = false

/**
 * Runs a function whose changes to caches are made together when it has ended, or not at all: when it throws, nobody
 * ever sees them. Inside, reads see own writes first. Whatever cache and backend it uses takes part.
 *
 * Inside another transaction, what it wrote becomes part of that one when it ends, and when it throws, its own writes
 * alone are forgotten.
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
 * @throws {ConfigurationError} When an option does not exist or cannot work, or what it is given is no cache or no function.
 * @throws {LockedError} When others hold what it needs for longer than `timeout`, or a lock was lost. Nothing is written.
 * @throws {TransactionConflictError} When others came between, as often as it was tried. Nothing is written.
 * @throws {BackendError} When the store refused the commit, or was not there. Nothing is written.
 * @throws {TransactionUnknownError} When the store went away during the commit: all is written, or nothing.
 * @throws {TransactionPartialError} When one of several stores committed, and another refused.
 */
export async function transaction<T>(
  cache: Cache,
  fn: (transaction: TransactionControl) => Awaitable<T>,
  options: TransactionOptions = {},
): Promise<T> {
  checkThat(
    typeof cache?.tell === 'function' && typeof fn === 'function',
    'A transaction takes the cache and a function, as in transaction(cache, async () => { … }).',
  )
  const settings = settingsOf(options)
  if (!isWatching) watchScopes()
  isWatching = true
  const around = currentTransaction()
  if (around instanceof Run && !around.isOver) return new Run(settings, 0, around).perform(fn, () => undefined)

  return runUntilDone(cache, fn, settings)
}

/** Runs the function anew, as often as it may, when others came between. */
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
      cache.tell('transaction', { mode, outcome: run.outcome })
      return result
    } catch (error) {
      cache.tell('transaction', { mode, outcome: run.mayRunAgain ? 'conflict' : outcomeOf(error) })
      const isRestart = error instanceof TransactionRestartError
      const isLate = isRestart && performance.now() > deadline
      if (!run.mayRunAgain || made >= tries || isLate) throw isRestart ? heldByOthers(made, error) : error
      claims = run.locks?.wanted
      if (!claims) await new Promise((resolve) => setTimeout(resolve, Math.random() * 2 ** Math.min(made, 6)))
    }
  }
}

/** What a transaction that ends in an error comes to: its own function failed, or the store did. */
function outcomeOf(error: unknown): string {
  return error instanceof CashewsError ? 'failed' : 'rolled back'
}

function heldByOthers(runs: number, cause: Error): LockedError {
  return new LockedError(
    `Others hold what a transaction needs, and it cannot start again: it has run ${runs} times, or committed in part. Name its keys in the option keys.`,
    { cause },
  )
}
