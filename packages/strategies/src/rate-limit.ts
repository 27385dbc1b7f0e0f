import {
  type Awaitable,
  type Cache,
  chain,
  checkFunction,
  checkNames,
  checkThat,
  type KeyOptions,
  type Milliseconds,
  parsePeriod,
  type Spot,
  type Ttl,
} from '@cashews/core'
import { apart } from './apart.ts'
import { Bans, type Refusal } from './bans.ts'
import type { Decorator } from './decorator.ts'
import { RateLimitError, type RateLimitFacts, rejected, secondsUntil, withoutStack } from './errors.ts'
import type { AnyFunction, ResultOf, Wrapped } from './function-types.ts'
import { type KeyingOptions, keyingNames } from './keying.ts'

/** Settings of {@link rateLimit}, and most of those of `slidingRateLimit`. */
export interface LimitOptions<F extends AnyFunction, K extends string, N extends readonly string[]>
  extends KeyingOptions<F, K, N> {
  /** How many calls are allowed in a period. */
  readonly limit: number
  readonly period: Ttl
  /** Answers a call over the limit. @default throws a `RateLimitError` */
  readonly action?: (facts: RateLimitFacts, ...args: Parameters<F>) => Awaitable<ResultOf<F>>
}

/** Settings of {@link rateLimit}. */
export interface RateLimitOptions<
  F extends AnyFunction = (...args: never[]) => never,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends LimitOptions<F, K, N> {
  /** How long a caller who went over the limit is turned away. @default the rest of the period */
  readonly ttl?: Ttl
}

/**
 * Allows so many calls in a period that begins with the first one. Calls over the limit are refused without running the
 * function; trying again does not prolong that. Exact in all processes that share the store.
 *
 * When the store is away, calls are allowed: a cache never stops a service.
 *
 * ```ts
 * const send = rateLimit(cache, { limit: 10, period: '1m', ttl: '10m', key: 'send:{user}' }, async (user: string) => api.send(user))
 * ```
 *
 * @throws {RateLimitError} At a call over the limit.
 */
export function rateLimit(cache: Cache, options: RateLimitOptions): Decorator
export function rateLimit<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: RateLimitOptions<F, K, N>,
  fn: F,
): Wrapped<F>
export function rateLimit(cache: Cache, options: RateLimitOptions, fn?: AnyFunction): Decorator | Wrapped<AnyFunction> {
  checkNames('rateLimit', options, [...keyingNames, 'limit', 'period', 'ttl', 'action'])
  const { limit, period, refusalOf, refuse } = limitOf(cache, 'rateLimit', options)
  const ban = parsePeriod(options.ttl ?? options.period)
  const bans = new Bans(cache, limit)

  const over = async (key: string, count: number, args: readonly unknown[], template: () => string) => {
    if (options.ttl !== undefined && count === limit + 1) await cache.expire(key, ban / 1_000)
    const refusal = refusalOf(key, ((await cache.getExpire(key)) ?? 0) * 1_000)
    bans.add(key, refusal)
    return refuse(refusal, key, args, template)
  }
  return apart(
    cache,
    'rateLimit',
    () => options as KeyOptions,
    fn,
    (run, template) => {
      const decide = (sum: number, { key }: Spot, self: unknown, args: readonly unknown[]) =>
        sum <= limit ? run(self, args) : over(key, sum, args, template)
      const decideLater = (sum: Awaitable<number>, spot: Spot, self: unknown, args: readonly unknown[]) =>
        chain(sum, (sum) => decide(sum, spot, self, args)) as Promise<unknown>
      return {
        call(spot, self, args) {
          const refusal = bans.find(spot)
          if (refusal !== undefined) return refuse(refusal, spot.key, args, template)
          const sum = cache.count(spot, 1, period)
          return typeof sum === 'number' ? decide(sum, spot, self, args) : decideLater(sum, spot, self, args)
        },
        invalidate(key) {
          bans.lift(key)
          return cache.delete(key)
        },
      }
    },
  )
}

/** What all limits have in common. */
interface Limit {
  readonly limit: number
  readonly period: Milliseconds
  /** @param wait Until the limit is reset. */
  readonly refusalOf: (key: string, wait: Milliseconds) => Refusal
  /** Answers a call over the limit. */
  readonly refuse: (refusal: Refusal, key: string, args: readonly unknown[], template: () => string) => Promise<unknown>
}

/** Checks the options that all limits have, and makes what answers the calls over the limit. */
export function limitOf(
  cache: Cache,
  strategy: string,
  { limit, period, action }: LimitOptions<(...args: never[]) => never, string, readonly string[]>,
): Limit {
  checkThat(Number.isInteger(limit) && limit >= 1, `${strategy} needs a limit of at least 1, not ${limit}.`)
  checkThat(period !== undefined, `${strategy} needs a period, such as period: '1m'.`)
  checkFunction('action', action)
  const act = action as ((facts: RateLimitFacts, ...args: readonly unknown[]) => Awaitable<unknown>) | undefined
  const facts = { limit, remaining: 0 }
  const ask = async ({ resetAt }: Refusal, args: readonly unknown[]) =>
    act?.({ ...facts, retryAfter: secondsUntil(resetAt), resetAt }, ...args)
  const failure = (key: string, resetAt: Date) =>
    rejected(withoutStack(() => new RateLimitError(key, { ...facts, resetAt })))
  return {
    limit,
    period: parsePeriod(period),
    refusalOf(key, wait) {
      const resetAt = new Date(Date.now() + wait)
      return { resetAt, rejected: act ? undefined : failure(key, resetAt), believedUntil: undefined, moment: undefined }
    },
    refuse(refusal, key, args, template) {
      if (cache.hears('refused')) cache.tell('refused', { strategy, template: template(), key })
      return refusal.rejected?.then() ?? ask(refusal, args)
    },
  }
}
