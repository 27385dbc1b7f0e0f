import { ConfigurationError, checkKnown, checkType, type Detections } from '@cashews/core'
import {
  asksToClearCache,
  type CacheControlOptions,
  type ClearSiteDataOptions,
  checkCache,
  checkClearOptions,
  checkControlOptions,
  checkResponseOptions,
  Exchange,
  type Handler,
  headerOf,
  isRefresh,
  isSafe,
  mayClear,
  onceClosed,
  type Reply,
  ResponseCache,
  repetitionOf,
  resourceAt,
  type SteeringOptions,
} from '@cashews/http'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { bodyOf, isSendable, isStream, payloadOf, put, recorded, saidOf, send, unwrapped } from './fastify-reply.ts'
import { FastifyHttpRequest } from './fastify-request.ts'
import type { CashewsOptions } from './options.ts'

/** Where a request carries its exchange, unless it was answered from the store at once. */
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

/** Applies the rules to the routes of an application. */
export class RouteRules {
  readonly #options: CashewsOptions
  readonly #control: CacheControlOptions | undefined
  readonly #allow: ClearSiteDataOptions['allow']
  readonly #app: FastifyInstance
  /** The `config.cashews` of routes seen so far. */
  readonly #known = new WeakSet<object>()
  /** One response cache for each way to compute keys. */
  readonly #stores = new Map<string, ResponseCache>()

  constructor(app: FastifyInstance, options: CashewsOptions) {
    checkKnown('@cashews/fastify', options, OPTIONS)
    checkCache('@cashews/fastify', options.cache)
    const { etag, cacheControl = false, clearSiteData = false, responses = {} } = options
    checkType('boolean', { etag })
    if (typeof cacheControl !== 'boolean') checkControlOptions(cacheControl)
    if (typeof clearSiteData !== 'boolean') checkClearOptions(clearSiteData)
    checkResponseOptions(responses)
    app.decorateRequest(EXCHANGE, null)
    this.#app = app
    this.#options = options
    this.#control = cacheControl === true ? {} : cacheControl || undefined
    this.#allow = typeof clearSiteData === 'object' ? clearSiteData.allow : undefined
  }

  /** Whether this `config.cashews` has not been seen before. */
  isNew(config: object): boolean {
    const isNew = !this.#known.has(config)
    this.#known.add(config)
    return isNew
  }

  detected(request: FastifyRequest): Detections {
    return (request as Exchanged)[EXCHANGE]?.detected() ?? NO_DETECTIONS
  }

  /** Deletes the stored responses of a URL. Resolves to whether there were any. */
  async forget(url: string): Promise<boolean> {
    const resource = resourceAt(url)
    const forgotten = await Promise.all([...this.#stores.values()].map((store) => store.forget(resource)))
    return forgotten.includes(true)
  }

  /** Adds the hooks that a route needs. */
  attach(route: RouteOptions): void {
    const methods = [route.method].flat().map((method) => method.toUpperCase())
    const isRead = methods.includes('GET') || methods.includes('HEAD')
    const responses = this.#responsesOf(route, isRead)
    const isWatched = isRead && (this.#options.etag || this.#control || responses)
    if (isWatched || this.#allow) {
      const steering = { ...this.#control, ...this.#options.responses, ...route.config?.cashews }
      const begin = (request: FastifyRequest, reply: FastifyReply, done: () => void) =>
        this.#clear(request, reply, () => this.#begin(request, reply, responses, steering, done))
      route.preHandler = [...hooksOf(route.preHandler), begin] as never
    }
    if (isWatched) route.onSend = [this.#send, ...hooksOf(route.onSend)] as never
    if (!methods.every(isSafe)) route.onSend = [this.#forget, ...hooksOf(route.onSend)] as never
  }

  #responsesOf(route: RouteOptions, isRead: boolean): ResponseCache | undefined {
    const { config, method, url } = route
    const own = config?.cashews
    if (own === undefined) return undefined
    if (!isRead)
      throw new ConfigurationError(
        `config.cashews of ${method} ${url} has no effect: only responses to GET are stored. Remove it.`,
      )
    checkResponseOptions(own)
    const isNew = this.isNew(own)
    const options = { ...this.#options.responses, ...own }
    if (url.includes('*') && !options.wildcard) {
      if (isNew && options.wildcard === undefined) this.#reportWildcard(url)
      return undefined
    }
    const prefix = [options.prefix ?? 'http', ...constraintsOf(route)].join(':')
    const responses = new ResponseCache(this.#options.cache, { ...options, prefix })
    this.#stores.set(JSON.stringify([prefix, options.ignoreQuery]), responses)
    return responses
  }

  /** An application that is aware that clients can make up such URLs sets `wildcard`, to true or false. */
  #reportWildcard(url: string): void {
    this.#options.cache.engine.report(
      new ConfigurationError(
        `config.cashews of ${url} does nothing: a client can make up any text for the *. Set wildcard: true to store its responses anyway.`,
      ),
    )
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
    const control = isSafe(request.method) ? this.#control : undefined
    const exchange = this.#exchangeOf(request, reply)
    if (this.#options.etag) exchange.tag()
    const ended = endOf(reply)
    const handle = () => {
      exchange.setConditions(request.raw)
      if (exchange.isRecording) endWithReply(reply, exchange)
      done()
    }
    const steer = () => {
      ;(request as Exchanged)[EXCHANGE] = exchange
      if (control) exchange.control(control, { run: handle, ended })
      else handle()
    }
    if (responses) {
      const again = repetitionOf(this.#app.routing, request.raw)
      const answer = (stored: Reply) => send(reply, stored)
      exchange.respond(responses, steering, { send: answer, again }, { run: steer, ended })
    } else steer()
  }

  /** Answers from the store at once, unless the request is a refresh. */
  #answerNow(responses: ResponseCache, request: FastifyRequest, reply: FastifyReply): Reply | undefined {
    if (isRefresh(request.raw)) return undefined
    return responses.answerNow(new FastifyHttpRequest(request), 'compress' in reply)
  }

  /** Clears what is stored for a request that asks for it and is allowed to, before anything is looked up. */
  #clear(request: FastifyRequest, reply: FastifyReply, run: () => void): void {
    const { cache } = this.#options
    const allow = this.#allow && asksToClearCache(request.headers['clear-site-data']) ? this.#allow : undefined
    if (allow === undefined) {
      run()
      return
    }
    const exchange = this.#exchangeOf(request, reply)
    mayClear(cache, allow, exchange.request).then((may) => (may ? exchange.clear({ run, ended: endOf(reply) }) : run()))
  }

  #exchangeOf(request: FastifyRequest, reply: FastifyReply): Exchange {
    return new Exchange(this.#options.cache, new FastifyHttpRequest(request), {
      hasCompressor: 'compress' in reply,
      isRefresh: isRefresh(request.raw),
      header: () => headerOf(reply.getHeaders()),
    })
  }

  /** Lets the rules decide what is sent for the handler's reply. */
  readonly #send = (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
    const exchange = (request as Exchanged)[EXCHANGE]
    if (!exchange || exchange.isAnswered) {
      done(null, payload)
      return
    }
    const content = unwrapped(reply, payload)
    if (!isSendable(content)) {
      done(null, content)
      return
    }
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
      // For HEAD Fastify needs a payload, and drops it itself.
      done(null, payloadOf(answer.body) || (request.method === 'HEAD' ? content : null))
    }
  }

  /** Invalidates the stored responses of what a request has changed, before its own response is sent. */
  readonly #forget = (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
    if (isSafe(request.method) || this.#stores.size === 0) {
      done(null, payload)
      return
    }
    const said = saidOf(reply, undefined)
    Promise.all([...this.#stores.values()].map((store) => store.invalidate(new FastifyHttpRequest(request), said)))
      .catch(this.#options.cache.engine.report)
      .then(() => done(null, payload))
      .catch(done) // Fastify throws when it cannot send the payload, and nothing else would catch that here.
  }
}

type Done = (error: Error | null, payload?: unknown) => void

/**
 * What tells apart the routes of one URL, such as versions. Hosts too: the router goes by `Host`, and the URL may go by
 * `X-Forwarded-Host`.
 */
function constraintsOf({ constraints = {} }: RouteOptions): string[] {
  return Object.entries(constraints).map(([name, value]) => `${name}=${value}`)
}

function hooksOf(hooks: unknown): unknown[] {
  return hooks === undefined ? [] : [hooks].flat()
}

function endOf(reply: FastifyReply): Handler['ended'] {
  return () => new Promise<void>((resolve) => onceClosed(reply.raw, resolve))
}

/** Ends a recording that no hook will end: the client has left, or the handler has hijacked the reply. */
function endWithReply(reply: FastifyReply, exchange: Exchange): void {
  const { hijack } = reply
  reply.hijack = () => {
    exchange.refuse()
    return hijack.call(reply)
  }
  onceClosed(reply.raw, () => {
    if (!exchange.isRecording) return
    if (reply.raw.writableEnded) exchange.refuse()
    else exchange.clientLeft()
  })
}
