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

/** A middleware of Express. */
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
    route: routeOf(request),
  }),
  listener({ app }) {
    let root = app as typeof app & { readonly parent?: typeof app }
    while (root.parent) root = root.parent
    return root
  },
  // Express would answer 304 by itself, before it is known what is sent.
  takeOver: (request) => Object.defineProperty(request, 'fresh', { value: false }),
  isWildcard: ({ route }) => isOpenEnded(route?.path),
})

/** Host and port as the client asked for them. What Express 4 calls `host` has no port. */
function authorityOf({ app, headers, socket }: Request): string {
  const forwarded = headers['x-forwarded-host']
  const isTrusted = forwarded !== undefined && app.get('trust proxy fn')(socket.remoteAddress, 0)
  return isTrusted ? (String(forwarded).split(',', 1)[0] as string).trim() : (headers.host ?? '')
}

/** A router knows its own routes only: below which path it stands is not told, as that may hold what clients wrote. */
function routeOf({ route }: Request): string | undefined {
  return typeof route?.path === 'string' ? route.path : undefined
}

/** Whether a path of a route matches any number of URLs. */
function isOpenEnded(path: unknown): boolean {
  return Array.isArray(path) ? path.some(isOpenEnded) : typeof path !== 'string' || path.includes('*')
}

/**
 * Gives every 200 to GET and HEAD an entity tag of what is sent, and answers 304 to a client that has it. Belongs behind
 * `compression`, so that it sees the content before it is encoded.
 */
export function etag(cache: Cache): ExpressMiddleware {
  return own.etag(cache)
}

/**
 * Lets `Cache-Control` of requests steer the cached functions that handlers call, and gives responses a `Cache-Control`
 * and an `Age` that follow from what those functions answered.
 */
export function cacheControl(cache: Cache, options?: CacheControlOptions<Request>): ExpressMiddleware {
  return own.cacheControl(cache, options)
}

/** Lets a request with `Clear-Site-Data: "cache"` clear what the endpoint's cached functions have stored, if it may. */
export function clearSiteData(cache: Cache, options?: ClearSiteDataOptions<Request>): ExpressMiddleware {
  return own.clearSiteData(cache, options)
}

/**
 * Stores the responses of a route, and answers from there. Belongs behind authentication. With `app.use`, or on a route
 * with a wildcard, it does nothing unless told `wildcard: true`: there a URL may be made up.
 *
 * ```ts ignore: the handler is yours
 * app.get('/products/:id', cacheResponse(cache, { ttl: '1m' }), handler)
 * ```
 */
export function cacheResponse(cache: Cache, options?: CacheResponseOptions<Request>): ExpressMiddleware {
  return own.cacheResponse(cache, options)
}

/** Forgets the stored responses of a URL that a POST, PUT, PATCH or DELETE has changed. For `app.use`. */
export function invalidateResponses(cache: Cache, options?: ResponseKeyOptions): ExpressMiddleware {
  return own.invalidateResponses(cache, options)
}

/** Answers errors of the framework: 429 for a rate limit, 503 for an open circuit breaker. Others go on. */
export function cacheErrors(options: ProblemOptions = {}): ErrorRequestHandler {
  checkProblemOptions('cacheErrors', options)
  return (error, _request, response, next) => {
    const problem = response.headersSent ? undefined : problemOf(error, options)
    if (problem) response.writeHead(problem.status, problem.fields).end(JSON.stringify(problem.body))
    else next(error)
  }
}
