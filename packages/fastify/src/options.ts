import type { Cache } from '@cashews/core'
import type { CacheControlOptions, CacheResponseOptions, ClearSiteDataOptions, ProblemOptions } from '@cashews/http'
import type { FastifyRequest } from 'fastify'

/** Settings of the plugin. What is not asked for adds no hook to any route. */
export interface CashewsOptions {
  /** Whose functions the handlers call, and where responses are stored. The plugin does not close it. */
  readonly cache: Cache
  /** Gives every 200 to GET and HEAD an entity tag, and answers 304 to a client that has it. @default false */
  readonly etag?: boolean
  /** Lets requests steer cached functions, and responses tell how long they are good. @default false */
  readonly cacheControl?: boolean | CacheControlOptions<FastifyRequest>
  /**
   * `true` adds `reply.clearSiteData`; with `allow`, some may also clear an endpoint's cache by sending
   * `Clear-Site-Data: "cache"`. @default false
   */
  readonly clearSiteData?: boolean | ClearSiteDataOptions<FastifyRequest>
  /** What holds for all cached routes, unless they say otherwise. */
  readonly responses?: CacheResponseOptions<FastifyRequest>
  /** Answers errors of the framework: 429 for a rate limit, 503 for an open circuit breaker. @default false */
  readonly errors?: boolean | ProblemOptions
}
