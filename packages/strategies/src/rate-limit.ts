import {
  type Awaitable,
  type Cache,
  countOption,
  functionOption,
  type KeyOptions,
  type Milliseconds,
  type NotYetKnown,
  type OptionReader,
  parsePeriod,
  readOptions,
  rejoin,
  type Ttl,
  timeOption,
  withoutStack,
} from '@cashews/core'
import { Bans, type Refusal } from './limiting/bans.ts'
import { RateLimitError, type RateLimitFacts, rejected, secondsUntil } from './limiting/errors.ts'
import { apart, type Seen } from './wrapping/apart.ts'
import type { Decorator } from './wrapping/decorator.ts'
import type { AnyFunction, ResultOf, Wrapped } from './wrapping/function-types.ts'
import { type KeyingOptions, keyingNames } from './wrapping/keying.ts'
import type { Run } from './wrapping/wrap.ts'

/** The latest instant that a `Date` can hold, in milliseconds since the epoch. */
const LAST = 8.64e15

/** Settings that {@link rateLimit} and `slidingRateLimit` share. */
export interface LimitOptions<F extends AnyFunction, K extends string, N extends readonly string[]>
  extends KeyingOptions<F, K, N> {
  /** How many calls are allowed per period. */
  readonly limit: number
  /** The length of a period: seconds, or text such as `'1m'`. */
  readonly period: Ttl
  /** Computes the result of calls over the limit. @default throws a `RateLimitError` */
  readonly action?: ((facts: RateLimitFacts, ...args: Parameters<F>) => Awaitable<ResultOf<F>>) | undefined
}

/** Settings of {@link rateLimit}. */
export interface RateLimitOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends LimitOptions<F, K, N> {
  /** How long calls are refused once the limit was exceeded. @default the rest of the period */
  readonly ttl?: Ttl | undefined
}

/**
 * Allows a number of calls per period, which begins with its first call. Calls over the limit are refused without
 * running the function; retrying does not prolong that. Exact across all processes that share the store.
 *
 * When the store is away, calls are allowed: a cache never stops a service.
 *
 * ```ts
 * const send = rateLimit(cache, { limit: 10, period: '1m', ttl: '10m', key: 'send:{user}' }, async (user: string) => api.send(user))
 * ```
 *
 * @throws {RateLimitError} At a call over the limit.
 */
export function rateLimit<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: RateLimitOptions<NotYetKnown, K, N>,
): Decorator
export function rateLimit<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: RateLimitOptions<F, K, N>,
  fn: F,
): Wrapped<F>
export function rateLimit(cache: Cache, options: RateLimitOptions, fn?: AnyFunction): Decorator | Wrapped<AnyFunction> {
  const table = { ...limitTable(), ttl: timeOption(parsePeriod, options?.period) }
  const rules = readOptions('rateLimit', options, table, keyingNames)
  const { limit, period, ttl: ban } = rules
  const bans = new Bans(cache, limit)
  return apart(cache, 'rateLimit', options as KeyOptions, fn, (seen) => {
    const { refusalOf, refuse } = refusing(cache, seen, rules)
    /** Handles a call that is over the limit, or waits for the store to tell. */
    const decide = async (
      counted: Awaitable<number>,
      run: Run,
      key: string,
      self: unknown,
      args: readonly unknown[],
    ) => {
      const count = await counted
      if (count <= limit) return run(self, args)
      if (options.ttl !== undefined && count === limit + 1) await cache.expire(key, ban / 1_000)
      const refusal = refusalOf(key, ((await cache.getExpire(key)) ?? 0) * 1_000)
      bans.add(key, refusal)
      return refuse(refusal, key, args)
    }
    return {
      call(run, spot, self, args) {
        const refusal = bans.find(spot)
        if (refusal !== undefined) return refuse(refusal, spot.key, args)
        const count = cache.engine.count(spot, 1, period)
        return typeof count === 'number' && count <= limit ? run(self, args) : decide(count, run, spot.key, self, args)
      },
      invalidate(key) {
        bans.lift(key)
        return cache.delete(key)
      },
    }
  })
}

type Action = (facts: RateLimitFacts, ...args: readonly unknown[]) => Awaitable<unknown>

/** Compiles the options that all limits share. */
type LimitTable = {
  readonly limit: OptionReader<number>
  readonly period: OptionReader<Milliseconds>
  readonly action: OptionReader<Action | undefined>
}

export function limitTable(): LimitTable {
  return { limit: countOption(), period: timeOption(parsePeriod), action: functionOption<Action | undefined> }
}

/** Answers the calls over a limit. */
interface Refusing {
  /** @param wait Until the limit is reset. */
  refusalOf(key: string, wait: Milliseconds): Refusal
  /** Calls with the same refusal share its promise, unless there is an action. */
  refuse(refusal: Refusal, key: string, args: readonly unknown[]): Promise<unknown>
}

export function refusing(
  cache: Cache,
  seen: Seen,
  { limit, action }: { readonly limit: number; readonly action: Action | undefined },
): Refusing {
  const facts = { limit, remaining: 0 }
  const ask = async ({ resetAt }: Refusal, args: readonly unknown[]) =>
    rejoin(() => action?.({ ...facts, retryAfter: secondsUntil(resetAt), resetAt }, ...args))
  const failure = (key: string, resetAt: Date) =>
    rejected(withoutStack(() => new RateLimitError(key, { ...facts, resetAt })))
  return {
    refusalOf(key, wait) {
      const resetAt = new Date(Math.min(Date.now() + wait, LAST))
      return {
        resetAt,
        rejected: action ? undefined : failure(key, resetAt),
        since: undefined,
        moment: undefined,
      }
    },
    refuse(refusal, key, args) {
      if (cache.engine.hears('refused')) cache.engine.tell('refused', { ...seen(), key })
      return refusal.rejected ?? ask(refusal, args)
    },
  }
}
