import type { Awaitable } from './awaitable.ts'
import type { Backend } from './backend.ts'
import type { Call, Command } from './command.ts'
import { companionOf } from './companion.ts'
import { inScope, watchedScope } from './scope.ts'

/** The way of a transaction to the store of one route. */
export interface Door {
  readonly backend: Backend
  /**
   * Asks the store, once it is open and within the bounds of its guard.
   *
   * @param call What to tell the guard: its command decides how long to wait, and what to answer instead.
   * @param matters Whether a failure is thrown although the route suppresses errors.
   */
  ask<T>(call: Call, perform: () => Awaitable<T>, matters?: boolean): Awaitable<T>
  /** The same for a stream. */
  askStream<T>(call: Call, source: () => AsyncIterable<T> | Iterable<T>): AsyncIterable<T>
  /** Hands an error that no caller awaits to `onError`. */
  report(error: unknown): void
}

/** A transaction, as the routes see it: the commands inside its {@link inTransaction} go to its view of each store. */
export interface Participation {
  /** The backend that answers a command inside; the store itself for a command that takes no part. */
  backendFor(door: Door, command: Command): Backend
}

/** Runs `fn` so that its commands, on any cache, take part in a transaction. */
export function inTransaction<T>(transaction: Participation, fn: () => T): T {
  return inScope({ transaction }, fn)
}

/** Runs `fn` as if no transaction were around it: what it writes stays, whatever becomes of the transaction. */
export function outsideTransaction<T>(fn: () => T): T {
  return currentTransaction() === undefined ? fn() : inScope({ transaction: undefined, left: undefined }, fn)
}

/**
 * Runs what a strategy counts for itself apart from what its caller is in: a limit counts calls that are rolled back, too, and a
 * breaker stays open where reads drop what they find.
 */
export function standApart<T>(fn: () => T): T {
  const { transaction, invalidating } = watchedScope() ?? {}
  if (!transaction && !invalidating) return fn()
  return inScope({ transaction: undefined, invalidating: false, left: { transaction, invalidating } }, fn)
}

/** Runs the function of a strategy that {@link standApart stands apart} where the caller is. */
export function rejoin<T>(fn: () => T): T {
  const left = watchedScope()?.left
  return left === undefined ? fn() : inScope({ ...left, left: undefined }, fn)
}

/** The transaction that commands take part in here. */
export function currentTransaction(): Participation | undefined {
  return watchedScope()?.transaction
}

/** Tells the loads inside each transaction from all others: what they read and write is nobody else's yet. */
export function perTransaction<T>(make: () => T): () => T {
  const outside = make()
  const inside = companionOf<Participation, T>(make)
  return () => {
    const transaction = currentTransaction()
    return transaction === undefined ? outside : inside(transaction)
  }
}
