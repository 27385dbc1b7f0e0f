import { type Cache, checkFlags, checkNames, type KeyOptions, type ReadThrough, type Target } from '@cashews/core'
import type { AnyFunction, ResultOf } from './function-types.ts'
import { type Keeping, type KeepingOptions, keepingNames, keepingOf, withoutErrors } from './keeping.ts'
import { type KeyingOptions, keyingNames, prefixed } from './keying.ts'
import { type Lifetime, type LifetimeOptions, lifetimeNames, lifetimeOf, seenOf } from './lifetime.ts'
import { type LockOption, lockingOf } from './lock-option.ts'
import { unwrap } from './stored-error.ts'
import type { StoredForm } from './stored-form.ts'
import { storing } from './storing.ts'
import { type TagOptions, tagsOf } from './tag-option.ts'
import type { Behaviour, Run } from './wrap.ts'

/** The settings that all caching strategies share. */
export interface CachingOptions<
  F extends AnyFunction = (...args: never[]) => never,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends KeyingOptions<F, K, N>,
    LifetimeOptions<ResultOf<F>, Parameters<F>>,
    KeepingOptions<ResultOf<F>, Parameters<F>>,
    TagOptions<ResultOf<F>, Parameters<F>>,
    LockOption {
  /** Whether concurrent calls with the same key share one run of the function. @default true */
  readonly singleFlight?: boolean
}

/** The shared settings of one strategy, checked and ready. */
export interface Caching {
  readonly lifetime: Lifetime
  readonly keeping: Keeping
  /** The options that make the key, with the strategy's own prefix before the user's. */
  readonly keying: KeyOptions
  /** Throws what is stored in place of a result, where errors are stored. */
  settle(answer: Promise<unknown>): Promise<unknown>
  /** Makes what {@link Behaviour.refresh} does: a load of its own that others may join. */
  refresher(through: ReadThrough<unknown>): NonNullable<Behaviour['refresh']>
  /** Makes the read-through of one function. */
  through(target: Target, run: Run, template: () => string): ReadThrough<unknown>
}

/** What sets one caching strategy apart from the others. */
interface OwnTraits {
  /** The names of the options that only this strategy has. */
  readonly own?: readonly string[]
  /** Stands before every key of the strategy, so that two strategies around one function do not share entries. */
  readonly prefix?: string
  /** `false`: an error never takes the place of a result, whatever the condition says. @default true */
  readonly keepsErrors?: boolean
}

/** Checks the shared settings of a strategy. */
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
  checkFlags({ nested, singleFlight })
  const lifetime = lifetimeOf(strategy, options)
  const keeping = keepsErrors ? keepingOf(options) : withoutErrors(keepingOf(options))
  const locking = lockingOf(strategy, options)
  const seen = seenOf(strategy, lifetime)
  return {
    lifetime,
    keeping,
    keying: prefix === undefined ? (options as KeyOptions) : prefixed(prefix, options as KeyOptions),
    through: (target, run, template) => {
      const tags = tagsOf(target, options)
      return {
        seen: () => ({ ...seen, template: template() }),
        load: storing(cache, { run, lifetime, keeping, form, tags, locking }),
        lands: !locking,
        tags: tags && (({ self, args }) => tags.ahead(self, args)),
        watchesInside: keeping.watchesInside,
        longest: lifetime.longest,
        sharing: singleFlight === false ? 'alone' : 'join',
      }
    },
    settle: (answer) => (keeping.storesErrors ? answer.then(unwrap) : answer),
    refresher: (through) => {
      const anew: ReadThrough<unknown> = { ...through, sharing: 'anew' }
      return (key, self, args) => cache.fly({ key, self, args, signal: undefined }, anew)
    },
  }
}
