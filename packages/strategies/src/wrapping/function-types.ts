import { type Cache, checkKnown, checkThat } from '@cashews/core'

/** Any function or method that a strategy can wrap. */
export type AnyFunction = (...args: never[]) => unknown

/** The awaited result of a function. */
export type ResultOf<F extends AnyFunction> = Awaited<ReturnType<F>>

/** A function with an asynchronous result; one that has that already keeps its exact type, generics included. */
export type Asynchronous<F extends AnyFunction> =
  ReturnType<F> extends PromiseLike<unknown> ? F : (...args: Parameters<F>) => Promise<ResultOf<F>>

/** @throws {ConfigurationError} When it is not a function. */
export function checkCache(cache: Cache): void {
  checkThat(cache?.engine !== undefined, 'A strategy takes the cache first', cache)
}

/** Options of a single call. */
export interface CallOptions {
  /** Makes this caller stop waiting. Others that share the load keep waiting; the load aborts when none is left. */
  readonly signal?: AbortSignal | undefined
}

/** @throws {ConfigurationError} When these are not call options, since a signal must not be ignored silently. */
export function checkCallOptions(options: CallOptions): void {
  checkKnown('with', options, ['signal'])
  const { signal } = options
  checkThat(
    signal === undefined || typeof signal?.addEventListener === 'function',
    'signal must be an AbortSignal',
    signal,
  )
}

/** The methods of a wrapped function. They take the function's own arguments. */
export interface Handle<F extends AnyFunction> {
  /** The key of a call. */
  key(...args: Parameters<F>): string
  /** The key template: the label for metrics and traces. */
  readonly template: string
  /** Deletes the stored result of a call. Resolves to whether there was one. */
  invalidate(...args: Parameters<F>): Promise<boolean>
  /** Runs the function and stores its result, even if one is already stored. */
  refresh(...args: Parameters<F>): Promise<ResultOf<F>>
  /** Reads the stored result of a call, without ever running the function. */
  peek(...args: Parameters<F>): Promise<ResultOf<F> | undefined>
  /** The function with options for one call: `getUser.with({ signal })('42')`. */
  with(options: CallOptions): Asynchronous<F>
  /** The same methods for a decorated method of an instance. */
  of(self: object): Handle<F>
}

/** A function with a strategy around it: it keeps its type and name, and gains a {@link Handle}. */
export type Wrapped<F extends AnyFunction> = Asynchronous<F> & Handle<F>
