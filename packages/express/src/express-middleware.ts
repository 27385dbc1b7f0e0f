import type { Cache } from '@cashews/core'
import {
  type CacheControlOptions,
  type CacheResponseOptions,
  type ClearSiteDataOptions,
  checkProblemOptions,
  middlewaresFor,
  type NodeMiddleware,
  type ProblemOptions,
  problemOf,
  type ResponseKeyOptions,
} from '@cashews/http'
import type { ErrorRequestHandler, Request } from 'express'

/** A middleware for Express 4 and 5. */
export type ExpressMiddleware = NodeMiddleware<Request>

const own = /* @__PURE__ */ middlewaresFor<Request>({
  describe: (request) => ({
    method: request.method,
    url: request.originalUrl,
    scheme: request.protocol,
    authority: authorityOf(request),
    fields: request.headers,
    client: request.ip,
    raw: request,
    // Not known yet where a middleware stands before the router.
    get route() {
      return routeOf(request)
    },
  }),
  listener({ app }) {
    let root = app as typeof app & { readonly parent?: typeof app }
    while (root.parent) root = root.parent
    return root
  },
  // Express would answer 304 by itself, before it is decided what is sent.
  takeOver: (request) => Object.defineProperty(request, 'fresh', { value: false }),
  isWildcard: ({ route }) => isOpenEnded(route?.path),
})

/** Host and port that the client addressed. The `host` of Express 4 lacks the port. */
function authorityOf({ app, headers, socket }: Request): string {
  const forwarded = headers['x-forwarded-host']
  const isTrusted = forwarded !== undefined && app.get('trust proxy fn')(socket.remoteAddress, 0)
  return isTrusted ? (String(forwarded).split(',', 1)[0] as string).trim() : (headers.host ?? '')
}

/** The path as its router knows it. Where that is mounted is left out, as it may contain text from clients. */
function routeOf({ route }: Request): string | undefined {
  return typeof route?.path === 'string' ? route.path : undefined
}

/** Whether the path of a route matches arbitrary URLs. */
function isOpenEnded(path: unknown): boolean {
  return Array.isArray(path) ? path.some(isOpenEnded) : typeof path !== 'string' || path.includes('*')
}

/**
 * Adds an entity tag to every 200 to GET and HEAD, and answers 304 to clients that already have it. Belongs behind
 * `compression`, so that it sees the content before it is encoded.
 */
export function etag(cache: Cache): ExpressMiddleware {
  return own.etag(cache)
}

/**
 * Lets `Cache-Control` of requests steer the cached functions that handlers call, and derives `Cache-Control` and `Age`
 * of responses from their results.
 *
 * @throws {ConfigurationError} When an option is unknown or cannot work.
 */
export function cacheControl(cache: Cache, options?: CacheControlOptions<Request>): ExpressMiddleware {
  return own.cacheControl(cache, options)
}

/** Lets requests with `Clear-Site-Data: "cache"` that `allow` accepts clear what cached functions have stored. */
export function clearSiteData(cache: Cache, options?: ClearSiteDataOptions<Request>): ExpressMiddleware {
  return own.clearSiteData(cache, options)
}

/**
 * Stores the responses of a route, and answers from there. Belongs behind authentication. With `app.use`, or on a route
 * with a wildcard, it does nothing without `wildcard: true`, because clients can make up the URLs there, and reports that
 * once, unless `wildcard` is `false`.
 *
 * @throws {ConfigurationError} When an option is unknown or cannot work.
 * @throws {TtlError} When a ttl is invalid.
 *
 * ```ts ignore: the handler is yours
 * app.get('/products/:id', cacheResponse(cache, { ttl: '1m' }), handler)
 * ```
 */
export function cacheResponse(cache: Cache, options?: CacheResponseOptions<Request>): ExpressMiddleware {
  return own.cacheResponse(cache, options)
}

/** Invalidates the stored responses of a URL that a POST, PUT, PATCH or DELETE has changed. For `app.use`. */
export function invalidateResponses(cache: Cache, options?: ResponseKeyOptions): ExpressMiddleware {
  return own.invalidateResponses(cache, options)
}

/** Answers errors of this framework: 429 for a rate limit, 503 for an open circuit breaker. Passes others on. */
export function cacheErrors(options: ProblemOptions = {}): ErrorRequestHandler {
  checkProblemOptions('cacheErrors', options)
  return (error, _request, response, next) => {
    const problem = response.headersSent ? undefined : problemOf(error, options)
    if (problem) response.writeHead(problem.status, problem.fields).end(JSON.stringify(problem.body))
    else next(error)
  }
}
