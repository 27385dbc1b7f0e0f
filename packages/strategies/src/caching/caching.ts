import {
  type Cache,
  type CompiledKey,
  checkNames,
  checkThat,
  checkType,
  type KeyOptions,
  type LoadCall,
  type NotYetKnown,
  type ReadThrough,
  type Spot,
  type Target,
} from '@cashews/core'
import { around, type Decorator } from '../wrapping/decorator.ts'
import type { AnyFunction, ResultOf, Wrapped } from '../wrapping/function-types.ts'
import { type KeyingOptions, keyingNames, prefixed } from '../wrapping/keying.ts'
import { type Run, wrap } from '../wrapping/wrap.ts'
import { type KeepingOptions, keepingNames, keepingOf } from './keeping.ts'
import { type LifetimeOptions, lifetimeNames, lifetimeOf, seenOf } from './lifetime.ts'
import { type LockOption, lockingOf } from './lock-option.ts'
import { unwrap } from './stored-error.ts'
import type { StoredForm } from './stored-form.ts'
import { storing } from './storing.ts'
import { type TagOptions, tagsOf } from './tag-option.ts'

/** The settings that all caching strategies share. */
export interface CachingOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends KeyingOptions<F, K, N>,
    LifetimeOptions<ResultOf<F>, Parameters<F>>,
    KeepingOptions<ResultOf<F>, Parameters<F>>,
    TagOptions<ResultOf<F>, Parameters<F>>,
    LockOption {
  /** Whether concurrent calls with the same key share one run of the function. @default true; of failover: false */
  readonly singleFlight?: boolean | undefined
}

/** How a caching strategy answers the calls of one function. */
interface Answering {
  /** Answers at once what is at hand; absent or `undefined`: {@link answer} does. */
  now?(spot: Spot): Promise<unknown> | undefined
  /** Answers a call by what is stored, or by a load. */
  answer(call: LoadCall): Promise<unknown>
  /** Answers what is stored for a key, and never runs the function. */
  peek(key: string): Promise<unknown>
  /** Forgets what is stored for a key. @default deletes it */
  invalidate?(key: string): Promise<boolean>
}

/**
 * Puts a strategy around a function, or returns a decorator. Stored errors are thrown. While the cache is switched off, only
 * the function runs.
 *
 * @param answering Gets the read-through of the function, which loads, stores, and answers what is stored.
 */
type Caching = (
  fn: AnyFunction | undefined,
  answering: (loading: ReadThrough<unknown>) => Answering,
) => Decorator | Wrapped<AnyFunction>

/** What sets one caching strategy apart from the others. */
interface OwnTraits {
  /** The names of the options that only this strategy has. */
  readonly own?: readonly string[]
  /** The prefix of every key of the strategy, so that two strategies around one function do not share entries. */
  readonly prefix?: string
  /** `false`: an error never replaces a stored result, whatever the condition says. @default true */
  readonly keepsErrors?: boolean
}

/** Checks the shared settings of a strategy, and returns what puts it around functions. */
export function cachingOf(
  cache: Cache,
  strategy: string,
  options: CachingOptions,
  form: StoredForm,
  { own = [], prefix, keepsErrors = true }: OwnTraits = {},
): Caching {
  const shared = [...keyingNames, ...lifetimeNames, ...keepingNames, 'tags', 'lock', 'singleFlight']
  checkNames(strategy, options, [...shared, ...own])
  const { nested, singleFlight } = options
  checkType('boolean', { nested, singleFlight })
  const keyed = options as KeyOptions
  const lifetime = lifetimeOf(strategy, options)
  const keeping = keepingOf(options, keepsErrors)
  const locking = lockingOf(strategy, options)
  const seen = seenOf(strategy, lifetime)

  const readThrough = (target: Target, run: Run, keyOf: () => CompiledKey): ReadThrough<unknown> => {
    const tags = tagsOf(target, options)
    return {
      seen: () => ({ ...seen, template: keyOf().template }),
      load: storing(cache, { run, lifetime, keeping, form, tags, locking }),
      lands: !locking,
      tags: tags && ((call) => tags.ahead(call, keyOf())),
      watchesInside: keeping.watchesInside,
      longest: lifetime.longest,
      sharing: singleFlight === false ? 'alone' : 'join',
    }
  }
  const { storesErrors } = keeping
  const settle = (answer: Promise<unknown>) => (storesErrors ? answer.then(unwrap) : answer)

  return (fn, answering) =>
    around(fn, (target) =>
      wrap(cache, target, prefix === undefined ? keyed : prefixed(prefix, keyed), (run, keyOf) => {
        checkThat(
          !Object.prototype.toString.call(target.fn).endsWith('GeneratorFunction]'),
          `"${target.fn.name}" is a generator: iterator stores what it yields; ${strategy} stores what a function returns.`,
        )
        const loading = readThrough(target, run, keyOf)
        const anew: ReadThrough<unknown> = { ...loading, sharing: 'anew' }
        const { now, answer, peek, invalidate = (key) => cache.delete(key) } = answering(loading)
        return {
          now: now && storesErrors ? (spot) => now(spot)?.then(unwrap) : now,
          call: (spot, self, args, signal) =>
            cache.engine.isBypassed(spot.key)
              ? run(self, args)
              : settle(answer({ key: spot.key, self, args, signal, spot })),
          refresh: (key, self, args) => cache.engine.fly({ key, self, args, signal: undefined }, anew),
          peek: (key) => settle(peek(key)),
          invalidate,
        }
      }),
    )
}
