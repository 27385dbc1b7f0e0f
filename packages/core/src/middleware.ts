import type { Awaitable } from './basics/awaitable.ts'
import { checkList, checkThat } from './basics/options.ts'
import type { Cache } from './cache.ts'
import type { Call } from './command.ts'

/** Passes a call on, to the next middleware and in the end to the backend. */
export type Next = (call: Call) => Awaitable<unknown>

/**
 * A function between cache and store. It sees every call, and may change it, answer it, or look at the answer of `next`.
 *
 * What it returns is the answer. If it forgets to return the answer of `next`, every read answers `undefined`, which is a value
 * like any other, so that cached functions do not run.
 *
 * The first middleware given is the outermost, for every command. `scan` and `getMatch` answer an async iterable, the others
 * what `CommandResults` says. An absent key is `MISS`.
 *
 * @example
 * cache.use(async (call, next) => {
 *   const answer = await next(call)
 *   if (call.command === 'get') console.log(call.key, answer === MISS ? 'miss' : 'hit')
 *   return answer
 * })
 */
export interface Middleware {
  (call: Call, next: Next): Awaitable<unknown>
  /**
   * Whether it only observes, and need not see reads that a store in the process answers synchronously: these bypass it, and
   * are counted in {@link Cache.routes}.
   *
   * @default false
   */
  readonly isOnlooker?: boolean
  /** Called with the cache that it was added to, before it sees the first call. */
  readonly join?: (cache: Cache) => void
}

/** @throws {ConfigurationError} When one of them is not a function. */
export function checkMiddlewares(middlewares: readonly unknown[]): void {
  checkList('function', 'middlewares', middlewares, '[log]')
}

/** Composes middlewares around `last`. */
export function compose(middlewares: readonly Middleware[], last: Next): Next {
  return middlewares.reduceRight<Next>((following, middleware) => {
    const next: Next = (call) => {
      checkThat(call?.command !== undefined, 'A middleware must pass a call on: next(call).')
      return following(call)
    }
    return (call) => middleware(call, next)
  }, last)
}
