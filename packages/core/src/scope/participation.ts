import type { Backend } from '../backend.ts'
import type { Awaitable } from '../basics/awaitable.ts'
import { companionOf } from '../basics/companion.ts'
import type { Call, Command } from '../command.ts'
import { inScope, watchedScope } from './scope.ts'

/** A transaction's access to the store of one route. */
export interface Door {
  /** The store. */
  readonly backend: Backend
  /**
   * Asks the store through its guard, after opening it if necessary.
   *
   * @param call For the guard: its command decides how long to wait, and what to answer on a failure.
   * @param matters Whether a failure is thrown even if the route suppresses errors.
   */
  ask<T>(call: Call, perform: () => Awaitable<T>, matters?: boolean): Awaitable<T>
  /** The same for a stream. */
  askStream<T>(call: Call, source: () => AsyncIterable<T> | Iterable<T>): AsyncIterable<T>
  /** Passes an error that no caller gets to `onError`. */
  error(error: unknown): void
}

/** A transaction as routes see it: commands inside {@link inTransaction} go to the transaction's view of each store. */
export interface Participation {
  /** The backend for a command inside: the view, or the store itself for commands that take no part in transactions. */
  backendFor(door: Door, command: Command): Backend
}

/** Runs `fn` so that its commands, on any cache, take part in a transaction. */
export function inTransaction<T>(transaction: Participation, fn: () => T): T {
  return inScope({ transaction }, fn)
}

/** Runs `fn` outside of the transaction around it: its writes stay, even if the transaction is rolled back. */
export function outsideTransaction<T>(fn: () => T): T {
  return currentTransaction() === undefined ? fn() : inScope({ transaction: undefined, left: undefined }, fn)
}

/**
 * Runs a strategy's own counting outside of its caller's transaction and `invalidateFurther`: a rate limit counts calls
 * that are rolled back too, and reads do not reset a breaker.
 */
export function standApart<T>(fn: () => T): T {
  const { transaction, invalidating } = watchedScope() ?? {}
  if (!transaction && !invalidating) return fn()
  return inScope({ transaction: undefined, invalidating: false, left: { transaction, invalidating } }, fn)
}

/** Runs a function back in the scope that {@link standApart} left. */
export function rejoin<T>(fn: () => T): T {
  const left = watchedScope()?.left
  return left === undefined ? fn() : inScope({ ...left, left: undefined }, fn)
}

/** The transaction around the current call. */
export function currentTransaction(): Participation | undefined {
  return watchedScope()?.transaction
}

/** Makes a value for each transaction, and one for outside: loads inside must not be shared before the commit. */
export function perTransaction<T>(make: () => T): () => T {
  const outside = make()
  const inside = companionOf<Participation, T>(make)
  return () => {
    const transaction = currentTransaction()
    return transaction === undefined ? outside : inside(transaction)
  }
}
