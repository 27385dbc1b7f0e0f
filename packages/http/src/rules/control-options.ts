import type { SteeringOptions } from '../steering.ts'

/** Settings of {@link cacheControl}. */
export interface CacheControlOptions<R = unknown> extends SteeringOptions<R> {
  /**
   * Whether shared caches may store the responses: `true`, or globs of cache keys such as `['product:*']`. A response
   * that used any other key is `private`.
   *
   * @default false
   */
  readonly public?: boolean | readonly string[] | undefined
  /** Whether `Cache-Status` lists each cached function, by its template. @default false */
  readonly cacheStatus?: boolean | undefined
  /** Whether `Server-Timing` does, for the developer tools of browsers. @default false */
  readonly serverTiming?: boolean | undefined
}
