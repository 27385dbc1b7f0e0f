import { AsyncLocalStorage } from 'node:async_hooks'
import type { Detector } from '../watching/detect.ts'
import type { Disabling } from './control.ts'
import type { Outcome } from './outcome.ts'
import type { Participation } from './participation.ts'
import type { Terms } from './terms.ts'

/** What surrounding code has asked for. It belongs to the asynchronous call, not to a cache. */
export interface Scope {
  /** Values for `{@name}` placeholders of key templates. */
  readonly keyContext?: Readonly<Record<string, unknown>>
  /** Where strategies and commands report what they did. */
  readonly detectors?: readonly Detector[]
  /** Commands that are switched off here. */
  readonly disabling?: readonly Disabling[]
  /** Whether reads drop what they find, so that it is computed again. */
  readonly invalidating?: boolean | undefined
  /** What surrounding code demands of answers from the cache. */
  readonly terms?: Terms
  /** The outcome of the load around this call. */
  readonly outcome?: Outcome | undefined
  /** Aborts when nobody waits for the load around this call any more. */
  readonly signal?: AbortSignal | undefined
  /** The transaction that commands take part in. */
  readonly transaction?: Participation | undefined
  /** What `standApart` has left, and `rejoin` goes back to. */
  readonly left?: Pick<Scope, 'transaction' | 'invalidating'> | undefined
}

const storage = new AsyncLocalStorage<Scope>()
let watchers = 0

/** The scope of the current asynchronous call. */
export function currentScope(): Scope | undefined {
  return storage.getStore()
}

/**
 * The scope, if it may affect commands. While nobody is inside `detect`, `disabling`, `invalidateFurther` or `onTerms`, and no
 * transaction was ever used, this only reads a variable and returns `undefined`.
 */
export function watchedScope(): Scope | undefined {
  return watchers === 0 ? undefined : storage.getStore()
}

/** Whether there is a scope that may affect commands. */
export function isWatched(): boolean {
  return watchedScope() !== undefined
}

/**
 * Makes commands look at the scope from now on, for scopes in which commands may run long after their end, such as that of a
 * transaction that has set a timer.
 */
export function watchScopes(): void {
  watchers++
}

/** Runs `fn` in the current scope with `changes`. */
export function inScope<T>(changes: Scope, fn: () => T): T {
  return storage.run({ ...storage.getStore(), ...changes }, fn)
}

/** Runs `fn` in a scope with the key context only: for work in the background, which belongs to no caller. */
export function outsideScope<T>(fn: () => T): T {
  const { keyContext } = storage.getStore() ?? {}
  return storage.run(keyContext ? { keyContext } : {}, fn)
}

/** Runs `fn` like {@link inScope}, and makes commands look at the scope until `fn` has settled. */
export async function inWatchedScope<T>(changes: Scope, fn: () => T | PromiseLike<T>): Promise<T> {
  watchers++
  try {
    return await inScope(changes, fn)
  } finally {
    watchers--
  }
}
