import { checkThat, checkType, type Milliseconds, parseTtl, type Seen, type Ttl } from '@cashews/core'

/** Computes a ttl from the arguments. If it declares the longest one possible, the age of results can be computed. */
interface TtlFunction<A extends readonly unknown[]> {
  (...args: A): Ttl
  readonly longest?: Ttl | undefined
}

/** How long a result is kept. */
export interface LifetimeOptions<R, A extends readonly unknown[]> {
  /** How long a result is kept: seconds, text such as `'10m'`, or a function of the arguments. */
  readonly ttl?: Ttl | TtlFunction<A> | undefined
  /** Computes the ttl from the result when it is stored; takes precedence over `ttl`. @default none */
  readonly ttlFromResult?: ((result: R, ...args: A) => Ttl) | undefined
  /**
   * Shortens each ttl at random by up to this share of it, so that results stored together do not expire together:
   * `0.1` for up to a tenth.
   *
   * @default 0
   */
  readonly jitter?: number | undefined
}

/** The lifetime options, of which one is required. */
export type Lasting<O> = O & ({ readonly ttlFromResult: object } | { readonly ttl: NonNullable<unknown> })

/** The names of these options. */
export const lifetimeNames: readonly string[] = ['ttl', 'ttlFromResult', 'jitter']

/** A compiled ttl option. */
export interface Lifetime {
  /** The ttl in milliseconds without jitter, when it is the same for every call. */
  readonly fixed: Milliseconds | undefined
  /** The longest ttl possible, in milliseconds, if known. */
  readonly longest: Milliseconds | undefined
  of(result: unknown, args: readonly unknown[]): Milliseconds
}

type Tell = (...given: readonly unknown[]) => Ttl

/**
 * Compiles the ttl options of a strategy.
 *
 * @throws {TtlError} When a fixed ttl is invalid.
 */
export function lifetimeOf(
  strategy: string,
  { ttl, ttlFromResult, jitter = 0 }: LifetimeOptions<never, never>,
): Lifetime {
  checkThat(
    ttl !== undefined || ttlFromResult !== undefined,
    `${strategy} needs a ttl, such as ttl: '10m', or Infinity to keep results forever.`,
  )
  const isShare = typeof jitter === 'number' && jitter >= 0 && jitter < 1
  checkThat(isShare, 'jitter must be a share of the ttl, at least 0 and less than 1, such as 0.1', jitter)
  checkType('function', { ttlFromResult })
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

/** What `detect` is told about every call of a strategy. */
export function seenOf(strategy: string, { fixed }: Lifetime): Seen {
  return { strategy, ttl: fixed && fixed / 1_000 }
}
