import { AsyncLocalStorage } from 'node:async_hooks'
import type { Disabling } from './control.ts'
import type { Detector } from './detect.ts'
import type { Outcome } from './outcome.ts'
import type { Participation } from './participation.ts'
import type { Terms } from './terms.ts'

/** What the surrounding code has asked for: it follows the asynchronous call, not the cache. */
export interface Scope {
  /** Values for `{@name}` placeholders of key templates. */
  readonly keyContext?: Readonly<Record<string, unknown>>
  /** Where strategies and commands report what they did. */
  readonly detectors?: readonly Detector[]
  /** Commands that are switched off here. */
  readonly disabling?: readonly Disabling[]
  /** Whether reads drop what they find, so that it is computed again. */
  readonly invalidating?: boolean | undefined
  /** What is demanded of answers from the cache. */
  readonly terms?: Terms
  /** What comes of the load this runs in. */
  readonly outcome?: Outcome | undefined
  /** Aborts when nobody waits for the load this runs in. */
  readonly signal?: AbortSignal | undefined
  /** What the commands of this call take part in. */
  readonly transaction?: Participation | undefined
  /** What a strategy has left for what it counts itself. The function that it wraps runs inside again. */
  readonly left?: Pick<Scope, 'transaction' | 'invalidating'> | undefined
}

const storage = new AsyncLocalStorage<Scope>()
let watchers = 0

/** The scope of the current asynchronous call, whoever opened it. */
export function currentScope(): Scope | undefined {
  return storage.getStore()
}

/**
 * The scope, if commands have to look at it: `undefined`, at the cost of reading one variable, while nobody is
 * inside `detect`, `disabling`, `invalidateFurther` or `onTerms`, and nobody has used a transaction.
 */
export function watchedScope(): Scope | undefined {
  return watchers === 0 ? undefined : storage.getStore()
}

/** Whether commands have to look at the scope, and there is one. */
export function isWatched(): boolean {
  return watchers !== 0 && storage.getStore() !== undefined
}

/**
 * Makes commands look at the scope from now on. For what may be met in a call long after it ended, such as a transaction
 * by a timer that was set in it.
 */
export function watchScopes(): void {
  watchers++
}

/** Runs `fn` with `changes` laid over the current scope. */
export function inScope<T>(changes: Scope, fn: () => T): T {
  return storage.run({ ...storage.getStore(), ...changes }, fn)
}

/** Runs `fn` with nothing of the current scope but its key context: work that no caller waits for is nobody's. */
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
