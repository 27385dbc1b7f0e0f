import type { SteeringOptions } from './steering.ts'

/** Settings of {@link cacheControl}. */
export interface CacheControlOptions<R = unknown> extends SteeringOptions<R> {
  /**
   * Whether shared caches may keep the responses: `true`, or globs of keys, such as `['product:*']`. A response is
   * `private` as soon as it used anything else.
   *
   * @default false
   */
  readonly public?: boolean | readonly string[]
  /** Whether `Cache-Status` tells of each cached function, by its template. @default false */
  readonly cacheStatus?: boolean
  /** Whether `Server-Timing` does, which browsers show. @default false */
  readonly serverTiming?: boolean
}
