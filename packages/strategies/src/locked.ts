import {
  type Cache,
  checkNames,
  checkThat,
  type KeyOptions,
  type NotYetKnown,
  named,
  type Target,
  type Ttl,
} from '@cashews/core'
import { checkTimes } from './caching/lock-option.ts'
import { around, type Decorator } from './wrapping/decorator.ts'
import { detecting } from './wrapping/detecting.ts'
import type { AnyFunction, Handle, Wrapped } from './wrapping/function-types.ts'
import { type KeyingOptions, keyingNames, prefixed } from './wrapping/keying.ts'
import { leaving } from './wrapping/leaving.ts'
import { wrap } from './wrapping/wrap.ts'

/** Settings of {@link locked}. */
export interface LockedOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends KeyingOptions<F, K, N> {
  /** How long the lock is held at most; longer calls lose it, which is reported to the cache's `onError`. */
  readonly ttl: Ttl
  /** How long to wait for another call to end; `0` or `false`: not at all. @default `ttl` */
  readonly wait?: Ttl | false | undefined
  /** The longest pause between two attempts at a lock held by another process. @default '400ms' */
  readonly checkInterval?: Ttl | undefined
}

/** An async generator, or a method that is one. */
type Generating = (...args: never[]) => AsyncGenerator<unknown, unknown, never>

/** The methods of an async generator behind a lock. */
export interface LockedHandle<F extends AnyFunction> extends Pick<Handle<F>, 'key' | 'template'> {
  /** The same methods for a decorated method of an instance. */
  of(self: object): LockedHandle<F>
}

/** A function behind a lock. An async generator stays one, and holds its lock while it is read. */
export type Locked<F extends AnyFunction> = F extends Generating ? F & LockedHandle<F> : Wrapped<F>

/**
 * {@link locked} without its function: a wrapper of functions, and a decorator of methods, async generators included.
 */
export interface LockedDecorator extends Decorator {
  <F extends Generating>(method: F, context: ClassMethodDecoratorContext): F
  <F extends Generating>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void
  <F extends AnyFunction>(fn: F): Locked<F>
}

/**
 * Runs the function for one caller at a time per key, among all processes that share the store. Stores no result. An
 * async generator holds the lock from its first item to its end.
 *
 * ```ts
 * const importUsers = locked(cache, { ttl: '5m', key: 'import:{file}' }, async (file: string) => db.import(file))
 * ```
 *
 * @throws {LockedError} At a call, when the lock is still taken after `wait`.
 */
export function locked<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: LockedOptions<NotYetKnown, K, N>,
): LockedDecorator
export function locked<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: LockedOptions<F, K, N>,
  fn: F,
): Locked<F>
export function locked(cache: Cache, options: LockedOptions, fn?: AnyFunction): LockedDecorator | AnyFunction {
  checkNames('locked', options, [...keyingNames, 'ttl', 'wait', 'checkInterval'])
  const { ttl, wait, checkInterval } = options
  checkThat(ttl !== undefined, "locked needs a ttl, such as ttl: '30s': a holder that dies keeps its lock until then.")
  checkTimes(options)
  const locking = { ttl, wait, checkInterval }

  const wrapTarget = (target: Target) => {
    const seen = () => ({ strategy: 'locked', template: wrapped.template })
    const wrapped = wrap(cache, target, prefixed('locked', options as KeyOptions), (run) => {
      const call = leaving(({ key }, self, args, signal) =>
        cache.lock(key, { ...locking, signal }, () => run(self, args)),
      )
      return { call, watched: detecting(cache, seen, call) }
    })
    if (Object.prototype.toString.call(target.fn) !== '[object AsyncGeneratorFunction]') return wrapped
    const generating = async function* (this: object, ...args: never[]): AsyncGenerator<unknown, unknown, unknown> {
      const key = wrapped.of(this).key(...args)
      cache.engine.detected(key, seen, { hit: false })
      const release = await hold((held) => cache.lock(key, locking, held))
      try {
        return yield* Reflect.apply(target.fn as AsyncGeneratorFunction, this, args)
      } finally {
        await release()
      }
    }
    const { key, of } = wrapped
    const handle: LockedHandle<AnyFunction> = {
      key,
      of,
      get template() {
        return wrapped.template
      },
    }
    return named(generating, target.fn, handle)
  }
  return around(fn, wrapTarget)
}

/** Acquires a lock for an async generator. Resolves to a function that releases it. */
async function hold(enter: (held: () => Promise<void>) => Promise<void>): Promise<() => Promise<void>> {
  const end = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const holding = enter(() => {
    begun.resolve()
    return end.promise
  })
  holding.catch(begun.reject)
  await begun.promise
  return () => {
    end.resolve()
    return holding
  }
}
