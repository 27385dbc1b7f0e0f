import { type Cache, type KeyOptions, type Lease, MISS, type Seen } from '@cashews/core'
import { type Decorator, decorator } from './decorator.ts'
import type { AnyFunction, ResultOf, Wrapped } from './function-types.ts'
import { type KeepingOptions, keepingNames, keepingOf } from './keeping.ts'
import { type KeyingOptions, keyingNames } from './keying.ts'
import { type LifetimeOptions, lifetimeNames, lifetimeOf } from './lifetime.ts'
import { checkNames } from './options.ts'
import { unwrap } from './stored-error.ts'
import { storing } from './storing.ts'
import { type TagOptions, tagsOf } from './tag-option.ts'
import { type Behaviour, type Target, wrap } from './wrap.ts'

/** Settings of {@link cached}. */
export interface CachedOptions<
  F extends AnyFunction = (...args: never[]) => never,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends KeyingOptions<F, K, N>,
    LifetimeOptions<ResultOf<F>, Parameters<F>>,
    KeepingOptions<ResultOf<F>, Parameters<F>>,
    TagOptions<ResultOf<F>, Parameters<F>> {
  /** Whether concurrent calls with the same key share one run of the function. @default true */
  readonly singleFlight?: boolean
}

const NAMES = [...keyingNames, ...lifetimeNames, ...keepingNames, 'tags', 'singleFlight']

/**
 * Keeps what a slow function answers, and answers from there until it expires.
 *
 * Concurrent calls with the same key share one run and its result. A key that is invalidated during the run is not
 * stored. When the function fails, everybody who waited gets the error, and nothing is stored.
 *
 * ```ts
 * const getUser = cached(cache, { ttl: '3h', key: 'user:{id}' }, async (id: string) => db.user(id))
 * await getUser('42')
 * await getUser.invalidate('42')
 * ```
 *
 * @throws {ConfigurationError} At definition: no ttl, or an option that does not exist.
 * @throws {KeyTemplateError} At definition: a key template that cannot work.
 */
export function cached(cache: Cache, options: CachedOptions): Decorator
export function cached<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: CachedOptions<F, K, N>,
  fn: F,
): Wrapped<F>
export function cached(cache: Cache, options: CachedOptions, fn?: AnyFunction): Decorator | Wrapped<AnyFunction> {
  checkNames('cached', options, NAMES)
  const lifetime = lifetimeOf('cached', options)
  const keeping = keepingOf(options)
  const seen: Seen = { strategy: 'cached', ...(lifetime.fixed === undefined ? {} : { ttl: lifetime.fixed / 1_000 }) }
  const how = options.singleFlight === false ? 'alone' : 'join'

  const wrapTarget = (target: Target) =>
    wrap(cache, target, options as KeyOptions, (run, template): Behaviour => {
      const load = storing(cache, { run, lifetime, keeping, tags: tagsOf(target, options) })
      const answer = <T>(stored: Promise<T>): Promise<T> => (keeping.storesErrors ? stored.then(unwrap<T>) : stored)
      const seenAs = () => ({ ...seen, template: template() })
      return {
        call(key, self, args) {
          const now = cache.getNow(key)
          if (now !== MISS) return answer(Promise.resolve(now))
          if (cache.isBypassed(key)) return run(self, args)
          return answer(cache.fly(key, seenAs, (lease: Lease) => load(key, lease, self, args), how))
        },
        refresh: (key, self, args) => cache.fly(key, seenAs, (lease) => load(key, lease, self, args), 'anew'),
        peek: (key) => answer(cache.get(key)),
        invalidate: (key) => cache.delete(key),
      }
    })
  return fn === undefined ? decorator(wrapTarget) : wrapTarget({ fn, kind: 'function' })
}
