import type { Cache } from '@cashews/core'
import type { CacheControlOptions, CacheResponseOptions, ClearSiteDataOptions, ProblemOptions } from '@cashews/http'
import type { FastifyRequest } from 'fastify'

/** Settings of the plugin. Features that are off add no hooks. */
export interface CashewsOptions {
  /** Whose functions the handlers call, and where responses are stored. The plugin does not close it. */
  readonly cache: Cache
  /**
   * Adds an entity tag to every 200 to GET and HEAD, and answers 304 to clients that already have it.
   *
   * @default false
   */
  readonly etag?: boolean | undefined
  /**
   * Lets requests steer cached functions, and derives `Cache-Control` of responses from their results.
   *
   * @default false
   */
  readonly cacheControl?: boolean | CacheControlOptions<FastifyRequest> | undefined
  /**
   * `true` adds `reply.clearSiteData`. With `allow`, requests with `Clear-Site-Data: "cache"` may also clear what the
   * endpoint's cached functions have stored.
   *
   * @default false
   */
  readonly clearSiteData?: boolean | ClearSiteDataOptions<FastifyRequest> | undefined
  /** Defaults for all cached routes. */
  readonly responses?: CacheResponseOptions<FastifyRequest> | undefined
  /** Answers errors of this framework: 429 for a rate limit, 503 for an open circuit breaker. @default false */
  readonly errors?: boolean | ProblemOptions | undefined
}
