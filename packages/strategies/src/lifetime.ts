import { type Milliseconds, parseTtl, type Ttl } from '@cashews/core'
import { checkThat } from './options.ts'

/** How long a result is kept: the same for every call, or told by the call or by its result. */
export interface LifetimeOptions<R, A extends readonly unknown[]> {
  /** How long a result is kept: seconds, text such as `'10m'`, or a function of the arguments. */
  readonly ttl?: Ttl | ((...args: A) => Ttl)
  /** Tells it from the result, when it is stored. Wins over `ttl`. */
  readonly ttlFromResult?: (result: R, ...args: A) => Ttl
}

/** The names of these options. */
export const lifetimeNames: readonly string[] = ['ttl', 'ttlFromResult']

/** A ttl option, ready to be asked. */
export interface Lifetime {
  /** In milliseconds, when it is the same for every call. */
  readonly fixed: Milliseconds | undefined
  of(result: unknown, args: readonly unknown[]): Milliseconds
}

/** Reads the ttl options of a strategy. A fixed one is parsed now, so that a bad one is an error at definition. */
export function lifetimeOf(strategy: string, { ttl, ttlFromResult }: LifetimeOptions<never, never>): Lifetime {
  checkThat(
    ttl !== undefined || ttlFromResult !== undefined,
    `${strategy} needs a ttl, such as ttl: '10m', or ttl: Infinity to keep results for ever.`,
  )
  if (ttlFromResult !== undefined) {
    const tell = ttlFromResult as (result: unknown, ...args: readonly unknown[]) => Ttl
    return { fixed: undefined, of: (result, args) => parseTtl(tell(result, ...args)) }
  }
  if (typeof ttl === 'function') {
    const tell = ttl as (...args: readonly unknown[]) => Ttl
    return { fixed: undefined, of: (_, args) => parseTtl(tell(...args)) }
  }
  const fixed = parseTtl(ttl as Ttl)
  return { fixed, of: () => fixed }
}
