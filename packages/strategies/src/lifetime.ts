import { checkFunction, checkThat, type Milliseconds, parseTtl, type Seen, type Ttl } from '@cashews/core'

/** Tells a ttl from the arguments. One that knows the longest it will ever tell can say so: from it follows an age. */
interface TtlFunction<A extends readonly unknown[]> {
  (...args: A): Ttl
  readonly longest?: Ttl
}

/** How long a result is kept: the same for every call, or told by the call or by its result. */
export interface LifetimeOptions<R, A extends readonly unknown[]> {
  /** How long a result is kept: seconds, text such as `'10m'`, or a function of the arguments. */
  readonly ttl?: Ttl | TtlFunction<A>
  /** Tells it from the result, when it is stored. Wins over `ttl`. */
  readonly ttlFromResult?: (result: R, ...args: A) => Ttl
  /**
   * Shortens each ttl by a random part of up to this share of it, so that what was stored together does not expire
   * together: `0.1` for up to a tenth. @default 0
   */
  readonly jitter?: number
}

/** Options that tell how long a result is kept, as they have to. */
export type Lasting<O> = O & ({ readonly ttlFromResult: object } | { readonly ttl: NonNullable<unknown> })

/** The names of these options. */
export const lifetimeNames: readonly string[] = ['ttl', 'ttlFromResult', 'jitter']

/** A ttl option, ready to be asked. */
export interface Lifetime {
  /** In milliseconds and without jitter, when it is the same for every call. */
  readonly fixed: Milliseconds | undefined
  /** The longest it can be, in milliseconds, where that is known. */
  readonly longest: Milliseconds | undefined
  of(result: unknown, args: readonly unknown[]): Milliseconds
}

type Tell = (...given: readonly unknown[]) => Ttl

/** Reads the ttl options of a strategy. A fixed one is parsed now, so that a bad one is an error at definition. */
export function lifetimeOf(
  strategy: string,
  { ttl, ttlFromResult, jitter = 0 }: LifetimeOptions<never, never>,
): Lifetime {
  checkThat(
    ttl !== undefined || ttlFromResult !== undefined,
    `${strategy} needs a ttl, such as ttl: '10m', or Infinity to keep results for ever.`,
  )
  checkThat(jitter >= 0 && jitter < 1, `jitter is a share of the ttl from 0 up to 1, such as 0.1, not ${jitter}.`)
  checkFunction('ttlFromResult', ttlFromResult)
  const spread = (whole: Milliseconds) =>
    jitter === 0 ? whole : Math.max(1, Math.round(whole * (1 - jitter * Math.random())))
  const fixed = ttlFromResult === undefined && typeof ttl !== 'function' ? parseTtl(ttl as Ttl) : undefined
  const tell = (result: unknown, args: readonly unknown[]): Ttl =>
    ttlFromResult ? (ttlFromResult as Tell)(result, ...args) : (ttl as Tell)(...args)
  const longest = ttlFromResult ? undefined : (ttl as { readonly longest?: Ttl }).longest
  return {
    fixed,
    longest: longest === undefined ? fixed : parseTtl(longest),
    of: (result, args) => spread(fixed ?? parseTtl(tell(result, args))),
  }
}

/** What `detect` is told of a strategy whatever the call. */
export function seenOf(strategy: string, { fixed }: Lifetime): Seen {
  return { strategy, ttl: fixed && fixed / 1_000 }
}
