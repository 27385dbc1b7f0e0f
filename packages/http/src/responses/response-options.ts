import type { Ttl } from '@cashews/core'
import type { Asked, Reply } from '../rules/request.ts'

/** Settings of a cached route. */
export interface ResponseCacheOptions<R = unknown> {
  /**
   * How long a response is fresh that has neither `Cache-Control` nor `Expires`.
   *
   * @default the shortest remaining lifetime of the cached results it used; if it used none, it is not stored
   */
  readonly ttl?: Ttl | undefined
  /** Tags by which responses can be invalidated. Requires `@cashews/tags`. @default none */
  readonly tags?: readonly string[] | Asked<R, [reply: Reply], readonly string[]> | undefined
  /** Which statuses are stored. @default [200] */
  readonly statuses?: readonly number[] | ((status: number) => boolean) | undefined
  /** The most bytes of content; larger responses are sent but not stored. @default 1 MiB */
  readonly maxBytes?: number | undefined
  /** How long a stale response is still sent while it is refreshed in the background. @default 0 */
  readonly staleWhileRevalidate?: Ttl | undefined
  /** How long a stale response is still sent when the handler fails with 500, 502, 503 or 504. @default 0 */
  readonly staleIfError?: Ttl | undefined
  /**
   * Identifies the user: each one then has stored responses of their own, which are `private`. Without it, or where it
   * returns `undefined`, requests with `Authorization` or cookies share only responses marked `public`, `s-maxage` or
   * `must-revalidate`.
   */
  readonly varyBy?: Asked<R, [], string | undefined> | undefined
  /** Globs of cookies that do not identify a user, such as `_ga*`. @default none */
  readonly ignoreCookies?: readonly string[] | undefined
  /** Globs of query parameters that do not affect the response, such as `utm_*`. @default none */
  readonly ignoreQuery?: readonly string[] | undefined
  /** Whether shared caches may store a response without `Cache-Control`; `private` otherwise. @default false */
  readonly public?: boolean | undefined
  /** Whether a response that sets cookies is stored, with them. @default false */
  readonly storeSetCookie?: boolean | undefined
  /**
   * Whether the handler understands conditional requests: it is then asked to revalidate stale responses, and may
   * answer 304.
   *
   * @default false
   */
  readonly revalidate?: boolean | undefined
  /** The prefix of the keys. @default 'http' */
  readonly prefix?: string | undefined
  /** What metrics call the responses. @default the path of their route if the framework tells it, else `*` */
  readonly name?: string | undefined
  /**
   * Whether `Cache-Status` tells the key too: of help to you, and to whoever wants to poison an entry.
   *
   * @default false
   */
  readonly debug?: boolean | undefined
}
