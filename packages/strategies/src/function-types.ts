import { type Cache, checkNames, checkThat } from '@cashews/core'

/** Any function or method that a strategy can wrap. */
export type AnyFunction = (...args: never[]) => unknown

/** What a function answers, once it is awaited. */
export type ResultOf<F extends AnyFunction> = Awaited<ReturnType<F>>

/** A wrapped function is asynchronous; one that was already keeps its exact type, generics included. */
export type Asynchronous<F extends AnyFunction> =
  ReturnType<F> extends PromiseLike<unknown> ? F : (...args: Parameters<F>) => Promise<ResultOf<F>>

/** @throws {ConfigurationError} When it is none. */
export function checkCache(cache: Cache): void {
  checkThat(typeof cache?.fly === 'function', 'A strategy takes the cache first.')
}

/** What one caller asks for besides the answer. */
export interface CallOptions {
  /** Lets this caller go. Others who wait for the same load stay; when nobody does, its own signal aborts. */
  readonly signal?: AbortSignal
}

/** @throws {ConfigurationError} When they are none: a signal that goes unheard lets nobody go. */
export function checkCallOptions(options: CallOptions): void {
  checkNames('with', options, ['signal'])
  const { signal } = options
  checkThat(signal === undefined || typeof signal?.addEventListener === 'function', 'signal is an AbortSignal.')
}

/** What a wrapped function can do besides being called. The arguments are those of the function. */
export interface Handle<F extends AnyFunction> {
  /** The key of a call. */
  key(...args: Parameters<F>): string
  /** The key template: the label for metrics and traces. */
  readonly template: string
  /** Deletes what is stored for a call. Answers whether there was anything. */
  invalidate(...args: Parameters<F>): Promise<boolean>
  /** Runs the function and stores its result, whatever is stored now. */
  refresh(...args: Parameters<F>): Promise<ResultOf<F>>
  /** Answers what is stored for a call, and never runs the function. */
  peek(...args: Parameters<F>): Promise<ResultOf<F> | undefined>
  /** The function for one caller: `getUser.with({ signal })('42')`. */
  with(options: CallOptions): Asynchronous<F>
  /** The same for a method whose key depends on `this`. */
  of(self: object): Handle<F>
}

/** A function with a strategy around it: same type, same name, and a {@link Handle}. */
export type Wrapped<F extends AnyFunction> = Asynchronous<F> & Handle<F>
