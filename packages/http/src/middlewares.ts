import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type Awaitable, type Cache, ConfigurationError, checkKnown, checkType } from '@cashews/core'
import { Exchange, type Handler } from './exchange.ts'
import { headerOf, listenIn, onceClosed, send } from './node-response.ts'
import { checkCache, checkClearOptions, checkControlOptions, checkFunction } from './options.ts'
import { isRefresh, repetitionOf } from './responses/again.ts'
import { ResponseCache } from './responses/response-cache.ts'
import type { ResponseCacheOptions } from './responses/response-options.ts'
import { asksToClearCache } from './rules/clear-site-data.ts'
import type { CacheControlOptions } from './rules/control-options.ts'
import { type Asked, type HttpRequest, isSafe, type Reply, requestOf } from './rules/request.ts'
import type { SteeringOptions } from './steering.ts'

/** A middleware as Express and similar frameworks take it. */
export type NodeMiddleware<R extends IncomingMessage = IncomingMessage> = (
  request: R,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** What a framework knows better than `node:http`. */
export interface Framework<R extends IncomingMessage = IncomingMessage> {
  /** Describes a request. */
  describe(request: R): HttpRequest<R>
  /** The listener of the whole application, to repeat a request on. */
  listener(request: R): RequestListener
  /** Keeps the framework from evaluating the conditions of a request itself. */
  takeOver?(request: R): void
  /** Whether a route matches arbitrary paths, so that clients can make up its URLs: `/account/x.css`. */
  isWildcard(request: R): boolean
}

/** Settings of a cached route: which responses are stored, and which request directives are honoured. */
export interface CacheResponseOptions<R = unknown> extends ResponseCacheOptions<R>, SteeringOptions<R> {
  /** Whether a route with a wildcard is cached. @default false, which is reported if it is not said */
  readonly wildcard?: boolean | undefined
}

/** What decides the keys of stored responses: the same for all routes that invalidate one another's. */
export type ResponseKeyOptions = Pick<ResponseCacheOptions, 'prefix' | 'ignoreQuery'>

/** Settings of {@link Middlewares.clearSiteData}. */
export interface ClearSiteDataOptions<R = unknown> {
  /** Which requests may clear what the endpoint's cached functions have stored. @default none */
  readonly allow?: Asked<R, [], Awaitable<boolean>> | undefined
}

/** Whether a request may clear what is stored: it may not when `allow` fails. */
export async function mayClear(
  cache: Cache,
  allow: NonNullable<ClearSiteDataOptions['allow']>,
  request: HttpRequest,
): Promise<boolean> {
  try {
    return await allow(request)
  } catch (error) {
    cache.engine.report(error)
    return false
  }
}

/** Where a response carries its exchange, once that observes it. */
const EXCHANGE = Symbol('cashews.exchange')
type Exchanged = ServerResponse & { [EXCHANGE]?: Exchange }

/** The exchange of a response, if one of the middlewares has begun one. */
export function exchangeOf(response: ServerResponse): Exchange | undefined {
  return (response as Exchanged)[EXCHANGE]
}

/** Whether `compression` has wrapped a response: it adds a `flush`, which Node does not have. */
function hasCompressor(response: ServerResponse): boolean {
  return typeof (response as { flush?: unknown }).flush === 'function'
}

/** For an application that has not said whether responses are to be stored under URLs that clients make up. */
function openEnded({ url }: HttpRequest): ConfigurationError {
  const [path] = url.split('?', 1)
  return new ConfigurationError(
    `cacheResponse does nothing for ${path}: it is under app.use or a wildcard, where clients can make up URLs. ` +
      'Put it on a route, as in app.get(path, cacheResponse(…), handler), or set wildcard: true to store such responses anyway.',
  )
}

/** The middlewares of one framework. */
export interface Middlewares<R extends IncomingMessage> {
  /** Adds an entity tag to every 200 to GET and HEAD, and answers 304 to clients that already have it. */
  etag(cache: Cache): NodeMiddleware<R>
  /** Lets `Cache-Control` of requests steer cached functions, and derives that of responses from their results. */
  cacheControl(cache: Cache, options?: CacheControlOptions<R>): NodeMiddleware<R>
  /** Lets requests with `Clear-Site-Data: "cache"` clear what the endpoint's cached functions have stored. */
  clearSiteData(cache: Cache, options?: ClearSiteDataOptions<R>): NodeMiddleware<R>
  /** Answers from stored responses, and stores those of the handlers behind it. Belongs behind authentication. */
  cacheResponse(cache: Cache, options?: CacheResponseOptions<R>): NodeMiddleware<R>
  /** Invalidates the stored responses of a URL that a POST, PUT, PATCH or DELETE has changed (RFC 9111 §4.4). */
  invalidateResponses(cache: Cache, options?: ResponseKeyOptions): NodeMiddleware<R>
}

/** Creates the middlewares of a framework. */
export function middlewaresFor<R extends IncomingMessage>({
  describe,
  listener,
  isWildcard,
  takeOver,
}: Framework<R>): Middlewares<R> {
  const begin = (cache: Cache, request: R, response: ServerResponse): Exchange => {
    const known = exchangeOf(response)
    if (known) return known
    return new Exchange(cache, describe(request), {
      hasCompressor: hasCompressor(response),
      isRefresh: isRefresh(request),
      header: () => headerOf(response.getHeaders()),
    })
  }
  /** Answers from the store at once, unless another of our middlewares is involved. */
  const answerNow = (responses: ResponseCache, request: R, response: ServerResponse): Reply | undefined => {
    if (exchangeOf(response) || isRefresh(request)) return undefined
    return responses.answerNow(describe(request), hasCompressor(response))
  }
  const listen = (exchange: Exchange, request: R, response: ServerResponse): Exchange => {
    if (exchangeOf(response) === exchange) return exchange
    ;(response as Exchanged)[EXCHANGE] = exchange
    takeOver?.(request)
    listenIn(response, exchange)
    return exchange
  }
  const handlerOf = (response: ServerResponse, next: () => void): Handler => ({
    run() {
      try {
        next()
      } catch (error) {
        // It is the handler's own failure: it goes to the process, as it would without us.
        queueMicrotask(() => {
          throw error
        })
      }
    },
    ended: () => new Promise<void>((resolve) => onceClosed(response, resolve)),
  })

  return {
    etag(cache: Cache): NodeMiddleware<R> {
      checkCache('etag', cache)
      return (request, response, next) => {
        listen(begin(cache, request, response), request, response).tag()
        next()
      }
    },

    cacheControl(cache: Cache, options: CacheControlOptions = {}): NodeMiddleware<R> {
      checkCache('cacheControl', cache)
      checkControlOptions(options)
      return (request, response, next) =>
        listen(begin(cache, request, response), request, response).control(options, handlerOf(response, next), cache)
    },

    clearSiteData(cache: Cache, options: ClearSiteDataOptions = {}): NodeMiddleware<R> {
      checkCache('clearSiteData', cache)
      checkClearOptions(options)
      const { allow = () => false } = options
      return (request, response, next) => {
        if (!asksToClearCache(request.headers['clear-site-data'])) return next()
        const exchange = begin(cache, request, response)
        const handler = handlerOf(response, next)
        mayClear(cache, allow, exchange.request).then((may) => {
          if (may) listen(exchange, request, response).clear(handler)
          else handler.run()
        })
      }
    },

    cacheResponse(cache: Cache, options: CacheResponseOptions = {}): NodeMiddleware<R> {
      checkCache('cacheResponse', cache)
      const responses = new ResponseCache(cache, options)
      let isReported = options.wildcard !== undefined
      return (request, response, next) => {
        if (!options.wildcard && isWildcard(request)) {
          if (!isReported) cache.engine.report(openEnded(describe(request)))
          isReported = true
          return next()
        }
        const hit = answerNow(responses, request, response)
        if (hit) return send(response, hit)
        const exchange = begin(cache, request, response)
        const pass = () => {
          listen(exchange, request, response)
          exchange.setConditions(request)
          next()
        }
        const again = repetitionOf(listener(request), request)
        const answering = { send: (reply: Reply) => send(response, reply), again }
        exchange.respond(responses, options, answering, handlerOf(response, pass))
      }
    },

    invalidateResponses(cache: Cache, options: ResponseKeyOptions = {}): NodeMiddleware<R> {
      checkCache('invalidateResponses', cache)
      const responses = new ResponseCache(cache, options)
      return (request, response, next) => {
        if (!isSafe(request.method ?? 'GET'))
          listen(begin(cache, request, response), request, response).invalidates(responses)
        next()
      }
    },
  }
}

/** Settings of {@link cachingListener}. */
export interface CachingListenerOptions {
  /** Adds entity tags, and answers 304. @default false */
  readonly etag?: boolean | undefined
  /** Lets requests steer cached functions, and derives `Cache-Control` of responses. @default false */
  readonly cacheControl?: boolean | CacheControlOptions<IncomingMessage> | undefined
  /** Lets some requests clear what cached functions have stored. @default none */
  readonly clearSiteData?: ClearSiteDataOptions<IncomingMessage> | undefined
  /** Which responses are stored. @default none */
  readonly responses?: CacheResponseOptions<IncomingMessage> | undefined
}

/**
 * Wraps a handler of `node:http` in the caching rules.
 *
 * @throws {ConfigurationError} When an option is unknown or cannot work.
 * @throws {TtlError} When a ttl is invalid.
 *
 * ```ts ignore: the handler is yours
 * createServer(cachingListener(cache, { etag: true, responses: { ttl: '1m' } }, (request, response) => response.end('…')))
 * ```
 */
export function cachingListener(
  cache: Cache,
  options: CachingListenerOptions,
  handler: RequestListener,
): RequestListener {
  checkCache('cachingListener', cache)
  checkKnown('cachingListener', options, ['etag', 'cacheControl', 'clearSiteData', 'responses'])
  checkFunction('The handler', handler)
  const { etag, cacheControl, clearSiteData, responses } = options
  checkType('boolean', { etag })
  const own = middlewaresFor({ describe: requestOf, listener: () => listener, isWildcard: () => false })
  const chain: NodeMiddleware[] = []
  if (etag) chain.push(own.etag(cache))
  if (cacheControl !== undefined && cacheControl !== false)
    chain.push(own.cacheControl(cache, cacheControl === true ? {} : cacheControl))
  if (clearSiteData !== undefined) chain.push(own.clearSiteData(cache, clearSiteData))
  if (responses !== undefined) chain.push(own.cacheResponse(cache, responses))
  const listener: RequestListener = (request, response) => {
    const run = (at: number): void => {
      const middleware = chain[at]
      if (middleware) middleware(request, response, () => run(at + 1))
      else handler(request, response as Parameters<RequestListener>[1])
    }
    run(0)
  }
  return listener
}
