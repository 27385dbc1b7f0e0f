import { randomUUID } from 'node:crypto'
import type { Cache, Detections } from '@cashews/core'
import {
  asksToClearCache,
  type CacheControlOptions,
  type CacheResponseOptions,
  type ClearSiteDataOptions,
  checkCache,
  checkClearOptions,
  checkControlOptions,
  checkNames,
  clearSiteDataField,
  Exchange,
  type Going,
  type HttpRequest,
  headerOf,
  mayClear,
  type ProblemOptions,
  problemOf,
  type Reply,
  ResponseCache,
  type SiteData,
  type SteeringOptions,
} from '@cashews/http'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { bodyOf, isStream, put, recorded, saidOf, send, unwrapped } from './fastify-reply.ts'

/** Settings of {@link cashews}. What is not asked for adds no hook to any route. */
export interface CashewsOptions {
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

/** The cache of an application, as `app.cashews`. */
export interface CashewsApp {
  readonly cache: Cache
  /** Deletes what is stored for a URL, all its variants: `https://shop.example/products?page=1`. */
  forget(url: string): Promise<boolean>
}

/** The cache of one request, as `request.cashews`. */
export interface CashewsRequest {
  /** What the cached functions of this request did so far. */
  detected(): Detections
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly cashews: CashewsApp
  }
  interface FastifyRequest {
    readonly cashews: CashewsRequest
  }
  interface FastifyReply {
    /** Makes the browser forget what it has of this site (W3C Clear Site Data). */
    clearSiteData(...data: readonly SiteData[]): FastifyReply
  }
  interface FastifyContextConfig {
    /** Stores the responses of this route, and answers from there. */
    readonly cashews?: CacheResponseOptions<FastifyRequest>
  }
}

/** How long a handler whose client has left may still finish a response that others can have, in milliseconds. */
const HANDLER_MAY_GO_ON = 60_000
/** Carries the name of a refresh, which nobody can guess. */
const REFRESH = 'x-cashews-refresh'
/** Where a request that is not answered from the store carries its exchange. */
const EXCHANGE = Symbol('cashews.exchange')
type Exchanged = FastifyRequest & { [EXCHANGE]?: Exchange | null }

/** `prefix`, `logLevel` and the like are Fastify's own. */
const OPTIONS = [
  'cache',
  'etag',
  'cacheControl',
  'clearSiteData',
  'responses',
  'errors',
  'prefix',
  'logLevel',
  'logSerializers',
]
const NO_DETECTIONS: Detections = { calls: {}, keys: [] }

/** The rules, for the routes of one application. */
class Rules {
  readonly #app: FastifyInstance
  readonly #options: CashewsOptions
  readonly #control: CacheControlOptions | undefined
  readonly #allow: ClearSiteDataOptions['allow']
  readonly #refreshes = new Map<string, Omit<HttpRequest, 'raw'>>()
  /** One for each way to make keys. */
  readonly #stores = new Map<string, ResponseCache>()

  constructor(app: FastifyInstance, options: CashewsOptions) {
    const { cacheControl, clearSiteData } = options
    checkNames('@cashews/fastify', options, OPTIONS)
    checkCache('@cashews/fastify', options.cache)
    if (typeof cacheControl === 'object') checkControlOptions(cacheControl)
    if (typeof clearSiteData === 'object') checkClearOptions(clearSiteData)
    this.#app = app
    this.#options = options
    this.#control = cacheControl === true ? {} : cacheControl || undefined
    this.#allow = typeof clearSiteData === 'object' ? clearSiteData.allow : undefined
  }

  detected(request: FastifyRequest): Detections {
    return (request as Exchanged)[EXCHANGE]?.detected() ?? NO_DETECTIONS
  }

  /** Deletes what is stored for a URL. */
  async forget(url: string): Promise<boolean> {
    const { protocol, host, pathname, search } = new URL(url)
    const scheme = protocol.slice(0, -1)
    const request = { url: pathname + search, scheme, authority: host, fields: {} }
    const forgotten = await Promise.all([...this.#stores.values()].map((store) => store.forget(request)))
    return forgotten.includes(true)
  }

  /** Gives a route the hooks it needs. */
  attach(route: RouteOptions): void {
    const methods = [route.method].flat().map((method) => method.toUpperCase())
    const isRead = methods.includes('GET') || methods.includes('HEAD')
    const responses = isRead ? this.#responsesOf(route) : undefined
    const isWatched = isRead && (this.#options.etag || this.#control || responses)
    if (isWatched || this.#allow) {
      const steering = { ...this.#control, ...this.#options.responses, ...route.config?.cashews }
      const begin = (request: FastifyRequest, reply: FastifyReply, done: () => void) =>
        this.#begin(request, reply, responses, steering, done)
      route.preHandler = [...hooksOf(route.preHandler), begin] as never
    }
    if (isWatched) route.onSend = [this.#send, ...hooksOf(route.onSend)] as never
    if (methods.some((method) => !SAFE.has(method))) route.onSend = [this.#forget, ...hooksOf(route.onSend)] as never
  }

  #responsesOf({ config, url }: RouteOptions): ResponseCache | undefined {
    const own = config?.cashews
    if (own === undefined || (url.includes('*') && !own.wildcard)) return undefined
    const options = { ...this.#options.responses, ...own }
    const responses = new ResponseCache(this.#options.cache, options)
    this.#stores.set(JSON.stringify([options.prefix, options.ignoreQuery]), responses)
    return responses
  }

  #begin(
    request: FastifyRequest,
    reply: FastifyReply,
    responses: ResponseCache | undefined,
    steering: SteeringOptions,
    done: () => void,
  ): void {
    const hit = responses && this.#answerNow(responses, request, reply)
    if (hit) {
      send(reply, hit)
      return
    }
    const control = SAFE.has(request.method) ? this.#control : undefined
    const exchange = this.#exchangeOf(request, reply)
    if (this.#options.etag) exchange.tag()
    const ended = () => new Promise((resolve) => reply.raw.once('close', resolve))
    const handle = () => {
      exchange.setConditions(request.raw)
      if (exchange.isRecording) endWithReply(reply, exchange)
      done()
    }
    const steer = () => (control ? exchange.control(control, { on: handle, ended }) : handle())
    const clear = () => {
      ;(request as Exchanged)[EXCHANGE] = exchange
      this.#clear(request, exchange, { on: steer, ended })
    }
    if (responses) {
      const again = () => this.#again(exchange.request, request.raw.socket.remoteAddress)
      const answer = (stored: Reply) => send(reply, stored)
      exchange.respond(responses, steering, answer, again, { on: clear, ended })
    } else clear()
  }

  /** What is stored, where nothing else has to be looked after. */
  #answerNow(responses: ResponseCache, request: FastifyRequest, reply: FastifyReply): Reply | undefined {
    if (request.headers[REFRESH] !== undefined) return undefined
    return responses.answerNow(new Described(request), 'compress' in reply)
  }

  /** Lets a request clear what its cached functions have stored, if it asks for it and may. */
  #clear(request: FastifyRequest, exchange: Exchange, going: Going): void {
    const allow = asksToClearCache(request.headers['clear-site-data']) ? this.#allow : undefined
    if (allow === undefined) going.on()
    else
      mayClear(this.#options.cache, allow, exchange.request).then((may) => (may ? exchange.clear(going) : going.on()))
  }

  #exchangeOf(request: FastifyRequest, reply: FastifyReply): Exchange {
    const name = request.headers[REFRESH]
    const original = typeof name === 'string' ? this.#refreshes.get(name) : undefined
    return new Exchange(this.#options.cache, original ? { ...original, raw: request } : new Described(request), {
      hasCompressor: 'compress' in reply,
      isRefresh: original !== undefined,
      header: () => headerOf(reply.getHeaders()),
    })
  }

  /** Sends a request through the application once more, for no client. */
  async #again(request: HttpRequest, remoteAddress = '127.0.0.1'): Promise<void> {
    const name = randomUUID()
    const { url, scheme, authority, client } = request
    const { 'if-none-match': _, 'if-modified-since': __, range: ___, ...fields } = request.fields
    this.#refreshes.set(name, { method: 'GET', url, scheme, authority, client, fields })
    try {
      const headers = { ...fields, [REFRESH]: name } as Record<string, string>
      await this.#app.inject({ method: 'GET', url, headers, remoteAddress })
    } finally {
      this.#refreshes.delete(name)
    }
  }

  /** Sends what the rules say of what the handler says. */
  readonly #send = (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
    const exchange = (request as Exchanged)[EXCHANGE]
    if (!exchange || exchange.isAnswered) {
      done(null, payload)
      return
    }
    const content = unwrapped(reply, payload)
    const body = bodyOf(content)
    const said = saidOf(reply, body)
    const answer = exchange.head(said)
    put(reply, said, answer)
    if (body !== undefined) exchange.finish()
    if (answer.body === body)
      done(null, isStream(content) && exchange.isRecording ? recorded(content, exchange) : content)
    else {
      if (isStream(content)) {
        content.destroy()
        exchange.abort()
      }
      // Fastify itself takes the content off the answer to HEAD, and asks for some.
      done(null, answer.body || (request.method === 'HEAD' ? content : null))
    }
  }

  /** Forgets what is stored for what a request has changed, before its response is sent. */
  readonly #forget = (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
    const stores = SAFE.has(request.method) ? [] : [...this.#stores.values()]
    const said = saidOf(reply, undefined)
    Promise.all(stores.map((store) => store.invalidate(new Described(request), said)))
      .catch(this.#options.cache.report)
      .then(() => done(null, payload))
  }
}

type Done = (error: null, payload: unknown) => void

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Describes a request of Fastify, which knows what `trustProxy` says. Finds out what is asked for, and no more. */
class Described implements HttpRequest<FastifyRequest> {
  /** As they came: what the rules add later is for the handler. */
  readonly fields: HttpRequest['fields']
  readonly raw: FastifyRequest

  constructor(request: FastifyRequest) {
    this.fields = request.headers
    this.raw = request
  }

  get method(): string {
    return this.raw.method
  }

  get url(): string {
    return this.raw.originalUrl
  }

  get scheme(): string {
    return this.raw.protocol
  }

  get authority(): string {
    return this.raw.host
  }

  get client(): string {
    return this.raw.ip
  }
}

function hooksOf(hooks: unknown): unknown[] {
  return hooks === undefined ? [] : [hooks].flat()
}

/** Ends a recording that no hook will end: where the client has left, or the handler answers by itself. */
function endWithReply(reply: FastifyReply, exchange: Exchange): void {
  const { hijack } = reply
  reply.hijack = () => {
    exchange.refuse()
    return hijack.call(reply)
  }
  reply.raw.once('close', () => {
    if (!exchange.isRecording) return
    if (reply.raw.writableEnded) exchange.refuse()
    else setTimeout(() => exchange.abort(), HANDLER_MAY_GO_ON).unref()
  })
}

const plugin: FastifyPluginAsync<CashewsOptions> = async (app, options) => {
  const rules = new Rules(app, options)
  app.decorate('cashews', { cache: options.cache, forget: (url) => rules.forget(url) })
  app.decorateRequest(EXCHANGE, null)
  app.decorateRequest('cashews', {
    getter(this: FastifyRequest): CashewsRequest {
      return { detected: () => rules.detected(this) }
    },
  })
  if (options.clearSiteData)
    app.decorateReply('clearSiteData', function (this: FastifyReply, ...data: readonly SiteData[]) {
      return this.header('clear-site-data', clearSiteDataField(...data))
    })
  app.addHook('onRoute', (route) => rules.attach(route))
  if (options.errors) answerErrors(app, options.errors === true ? {} : options.errors)
}

function answerErrors(app: FastifyInstance, options: ProblemOptions): void {
  const others = app.errorHandler
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, options)
    if (!problem) return others.call(app, error as never, request, reply)
    return reply.code(problem.status).headers(problem.fields).send(JSON.stringify(problem.body))
  })
}

/**
 * Correct HTTP caching for the routes that are added after it and below it.
 *
 * ```ts ignore: the app is yours
 * await app.register(cashews, { cache, etag: true, cacheControl: true, clearSiteData: true })
 * app.get('/products', { config: { cashews: { ttl: '1m' } } }, handler)
 * ```
 */
export const cashews: FastifyPluginAsync<CashewsOptions> = fp(plugin, { fastify: '5.x', name: '@cashews/fastify' })
