import type { Ttl } from '@cashews/core'
import type { Asked, Reply } from './request.ts'

/** Settings of a cached route. */
export interface ResponseCacheOptions<R = unknown> {
  /**
   * How long a response is fresh that does not say so itself, by `Cache-Control` or `Expires`.
   *
   * @default as long as what its cached functions answered is kept; without any, it is not stored
   */
  readonly ttl?: Ttl
  /** Names under which responses can be invalidated. They need `@cashews/tags`. */
  readonly tags?: readonly string[] | Asked<R, [reply: Reply], readonly string[]>
  /** The statuses that are stored. @default [200] */
  readonly statuses?: readonly number[] | ((status: number) => boolean)
  /** A larger response is delivered and not stored. @default 1 MiB */
  readonly maxBytes?: number
  /** How long after its time a response is still answered, while it is refreshed in the background. @default 0 */
  readonly staleWhileRevalidate?: Ttl
  /** How long after its time a response is answered when the handler fails with 500, 502, 503 or 504. @default 0 */
  readonly staleIfError?: Ttl
  /**
   * Who asks: makes the stored responses his own, and `private`. Without it a request with `Authorization` or cookies
   * shares only what is marked `public`, `s-maxage` or `must-revalidate`.
   */
  readonly varyBy?: Asked<R, [], string | undefined>
  /** Globs of cookies that do not identify anybody, such as `_ga*`. */
  readonly ignoreCookies?: readonly string[]
  /** Globs of query parameters that change nothing, such as `utm_*`. */
  readonly ignoreQuery?: readonly string[]
  /** Whether caches on the way may keep a response that does not say. @default false: `private` */
  readonly public?: boolean
  /** Whether a response that sets cookies is stored, with them. @default false */
  readonly storeSetCookie?: boolean
  /**
   * Whether the handler understands conditional requests: it is then asked whether a stale response is still right, and
   * may answer 304. @default false
   */
  readonly revalidate?: boolean
  /** Stands before the keys. @default 'http' */
  readonly prefix?: string
  /** What metrics call the responses. @default the path of their route, where the framework tells it; else `*` */
  readonly name?: string
  /** Whether `Cache-Status` tells the key too: of help to you, and to whoever wants to poison an entry. @default false */
  readonly debug?: boolean
}
