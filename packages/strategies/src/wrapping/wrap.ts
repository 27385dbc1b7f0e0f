import {
  type Cache,
  type CompiledKey,
  compileKey,
  isWatched,
  type KeyOptions,
  type KeySubject,
  KeyTemplateError,
  named,
  newSpot,
  originalOf,
  type Spot,
  type Target,
} from '@cashews/core'
import { type AnyFunction, checkCache, checkCallOptions, type Handle, type Wrapped } from './function-types.ts'

/** What a strategy does with the calls of one function. */
export interface Behaviour {
  /** Answers a call at once if it can, without `this` and arguments. */
  now?: ((spot: Spot) => Promise<unknown> | undefined) | undefined
  /** Answers a call. `signal` lets its caller go. */
  call(spot: Spot, self: unknown, args: readonly unknown[], signal?: AbortSignal): Promise<unknown>
  /** Answers a call with a signal, or within a scope. Absent: {@link call} does. */
  watched?: Behaviour['call']
  /** Forgets what is stored for a key. Absent: nothing is. */
  invalidate?(key: string): Promise<boolean>
  /** Absent: what {@link call} does. */
  refresh?(key: string, self: unknown, args: readonly unknown[]): Promise<unknown>
  /** Absent: there is nothing to look at. */
  peek?(key: string): Promise<unknown>
}

/** Runs the wrapped function. Never throws: a failure is a rejection. */
export type Run = (self: unknown, args: readonly unknown[]) => Promise<unknown>

/** The function under all strategies around `fn`, whose source tells its parameters, and what runs `fn` itself. */
export function runOf(cache: Cache, fn: AnyFunction): [original: AnyFunction, run: Run] {
  checkCache(cache)
  const call = fn as (...args: readonly unknown[]) => unknown
  const run: Run = (self, args) => {
    try {
      // a call with one argument is quicker without their list
      return Promise.resolve(args.length === 1 ? call.call(self, args[0]) : call.apply(self, args as unknown[]))
    } catch (error) {
      return Promise.reject(error)
    }
  }
  return [originalOf(fn), run]
}

/** Puts a strategy around a function, and gives it the same name and a handle. */
export function wrap<F extends AnyFunction>(
  cache: Cache,
  target: Target,
  options: KeyOptions,
  behave: (run: Run, keyOf: () => CompiledKey) => Behaviour,
): Wrapped<F> {
  const { fn } = target
  const [original, bare] = runOf(cache, fn)
  const keyOf = keysOf(cache, target, original, options)

  const watched: Run = (self, args) => cache.engine.run(keyOf().template, () => bare(self, args))
  const run: Run = (self, args) => (cache.engine.watchesRuns ? watched : bare)(self, args)
  const tallyOf = lazily(() => cache.engine.tally(keyOf().template))
  const behaviour = behave(run, keyOf)
  const { now: answerNow, call: answer, watched: answerWatched = answer } = behaviour
  const call = (self: unknown, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> => {
    try {
      signal?.throwIfAborted()
      const key = keyOf()
      const known = key.recent.find(args)
      const spot = known ?? newSpot(key.render(self, args))
      const now = signal ? undefined : answerNow?.(spot)
      // Only calls that are answered at once are remembered: a flood of cold keys leaves nothing. Where none can be, all are.
      if (!known && (now || !answerNow || !cache.engine.answersNow(spot.key))) key.recent.add(args, spot)
      if (now === undefined)
        return !signal && !isWatched() ? answer(spot, self, args) : answerWatched(spot, self, args, signal)
      tallyOf().hits++
      return now
    } catch (error) {
      return Promise.reject(error)
    }
  }
  const wrapped = function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return call(this, args)
  }
  return named(wrapped, fn, handle(keyOf, behaviour, call)) as unknown as Wrapped<F>
}

type CallWith = (self: unknown, args: readonly unknown[], signal?: AbortSignal) => Promise<unknown>

function handle(keyOf: () => CompiledKey, behaviour: Behaviour, call: CallWith, self?: unknown): Handle<AnyFunction> {
  const key = (args: readonly unknown[]) => keyOf().render(self, args)
  const { call: answer, watched = answer, refresh = (key, self, args) => watched(newSpot(key), self, args) } = behaviour
  return {
    key: (...args) => key(args),
    get template() {
      return keyOf().template
    },
    invalidate: async (...args) => (await behaviour.invalidate?.(key(args))) ?? false,
    refresh: async (...args) => refresh(key(args), self, args),
    peek: async (...args) => behaviour.peek?.(key(args)),
    with: (options) => {
      checkCallOptions(options)
      return function (this: unknown, ...args) {
        return call(self ?? this, args, options.signal)
      }
    },
    of: (instance) => handle(keyOf, behaviour, call, instance),
  }
}

/** What the key is made for. A derived template carries the name of the class, which a decorator may not know yet. */
function subjectOf({ kind, className }: Target, fn: AnyFunction, { key }: KeyOptions): KeySubject {
  const name = className?.()
  if (className && key === undefined && name === undefined)
    throw new KeyTemplateError(`The key of "${fn.name}" names its class, known once there is an instance.`)
  return { fn, kind, className: name }
}

/**
 * Makes the keys of a function's calls, now if its class is known or does not matter. Two functions that derive the same
 * template would mix their data.
 */
export function keysOf(cache: Cache, target: Target, original: AnyFunction, options: KeyOptions): () => CompiledKey {
  const keyOf = lazily(() => {
    const key = compileKey(subjectOf(target, original, options), options)
    if (key.derived) cache.engine.claimTemplate(key.template)
    return key
  })
  if (target.className === undefined || options.key !== undefined) keyOf()
  return keyOf
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
