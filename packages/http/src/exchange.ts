import {
  type Awaitable,
  type Cache,
  chain,
  type Detections,
  invalidateFurther,
  isPending,
  outsideScope,
} from '@cashews/core'
import type { Decision, ResponseCache } from './responses/response-cache.ts'
import type { Visit } from './responses/visits.ts'
import type { CacheControl } from './rules/cache-control.ts'
import { conditionalReply } from './rules/conditional.ts'
import type { CacheControlOptions } from './rules/control-options.ts'
import { usedOf, withDerived } from './rules/derived.ts'
import { type Body, entityTag } from './rules/etag.ts'
import { type Fields, lineOf } from './rules/field.ts'
import { type HttpRequest, isSafe, type Reply } from './rules/request.ts'
import { demandsNothing, type SteeringOptions, steer, steered } from './steering.ts'

/** What an exchange needs to know beside its request. */
export interface ExchangeOptions {
  /** Whether a compressor may still encode what is sent. @default false */
  readonly hasCompressor?: boolean
  /** Whether the request was made to refresh a stored response. @default false */
  readonly isRefresh?: boolean
  /** Reads the header of the response so far. */
  readonly header?: () => Fields
}

/** The handler of one request, with the middlewares before it. */
export interface Handler {
  /** Passes the request on to it. */
  run(): void
  /** Resolves when its response was sent. */
  ended(): Promise<unknown>
}

/** How a stored response is sent. */
export interface Answering {
  send(reply: Reply): void
  /** Repeats the request on the handler, without a client, to refresh what is stored. */
  again(): Promise<unknown>
}

/** How long a handler whose client has left may take to complete its response, in milliseconds. */
const HANDLER_MAY_GO_ON = 60_000
const NOTHING: Detections = { calls: {}, keys: [] }
const NO_DIRECTIVES: CacheControl = {}

/**
 * One request and its response, as the rules see them. An adapter tells it what happens, and sends what it says.
 * Failures in here are reported, and the handler's own response is sent.
 */
export class Exchange {
  /** The request, as the rules see it. */
  readonly request: HttpRequest
  /** Whether the request was made to refresh a stored response. */
  readonly isRefresh: boolean
  readonly #cache: Cache
  readonly #hasCompressor: boolean
  readonly #header: () => Fields
  #isTagged = false
  #control: CacheControlOptions | undefined
  #responses: ResponseCache | undefined
  /** The stored responses that an unsafe request invalidates. */
  readonly #invalidated: ResponseCache[] = []
  #visit: Visit | undefined
  #soFar: (() => Detections) | undefined
  #directives: Awaitable<CacheControl> | undefined
  #isAnswered = false
  #forgetting: Promise<unknown> | undefined
  #hasClientLeft = false
  #isOnlyIfCached = false
  /** Whether `control` came first and switched reads off: for the handler, not for what is stored in its place. */
  #areReadsOff = false
  /** Whether what is stored is to be dropped. */
  #isClearing = false

  constructor(
    cache: Cache,
    request: HttpRequest,
    { hasCompressor = false, isRefresh = false, header }: ExchangeOptions,
  ) {
    this.#cache = cache
    this.request = request
    this.#hasCompressor = hasCompressor
    this.isRefresh = isRefresh
    this.#header = header ?? (() => ({}))
  }

  /** Whether the response has been decided on. */
  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /**
   * The invalidation of what the request has changed, to be awaited before the response ends; absent if there is none.
   */
  get forgetting(): Promise<unknown> | undefined {
    return this.#forgetting
  }

  /** Whether the content is being recorded. */
  get isRecording(): boolean {
    return this.#visit?.recorder?.isOver === false
  }

  /** What the cached functions of this request have done so far. */
  detected(): Detections {
    return this.#soFar?.() ?? NOTHING
  }

  /** Asks for an entity tag. */
  tag(): void {
    this.#isTagged = true
  }

  /**
   * Lets the request's `Cache-Control` steer cached functions, and derives that of the response from their results.
   *
   * @param cache That of the functions. @default the cache of the exchange
   */
  control(options: CacheControlOptions, handler: Handler, cache: Cache = this.#cache): void {
    this.#control = options
    this.#safely(() => chain(this.#steer(options), (directives) => this.#enter(cache, directives, handler)), handler)
  }

  /** Makes the cached functions of the request drop what is stored, and compute it again. */
  clear(handler: Handler): void {
    this.#isClearing = true
    invalidateFurther(() => runToEnd(handler)).catch(this.#cache.engine.report)
  }

  /** Invalidates the stored responses of what the request changes. */
  invalidates(responses: ResponseCache): void {
    this.#invalidated.push(responses)
  }

  /**
   * Answers from stored responses, or passes the request on to the handler. Where that answers from a store too, it only
   * passes the request on: a response is stored once.
   */
  respond(responses: ResponseCache, options: SteeringOptions, { send, again }: Answering, handler: Handler): void {
    this.#invalidated.push(responses)
    if (this.#visit) {
      handler.run()
      return
    }
    this.#responses = responses
    this.#safely(
      () =>
        chain(this.#steer(options), (directives) =>
          chain(this.#decide(responses, directives), (decision) => {
            if (decision.visit) return this.#forward(decision.visit, handler)
            this.#isAnswered = true
            send(this.#conditional(decision.reply))
            decision.refresh?.(again)
          }),
        ),
      handler,
    )
  }

  /** Replaces the client's conditions by those that revalidate the stored response. */
  setConditions(request: { readonly headers: object }): void {
    const conditions = this.#visit?.conditions
    if (conditions === undefined) return
    const { 'if-none-match': _, 'if-modified-since': __, ...others } = request.headers as Record<string, unknown>
    const value = { ...others, ...conditions }
    Object.defineProperty(request, 'headers', { value, configurable: true }) // HTTP/2 has a getter there.
  }

  /**
   * Decides what to send in place of the handler's reply; returns the same object if that is sent unchanged. Called
   * once, before anything is sent.
   */
  head(said: Reply): Reply {
    if (this.#isAnswered) return said
    this.#isAnswered = true
    try {
      return this.#head(said)
    } catch (error) {
      this.#cache.engine.report(error)
      this.abort()
      return said
    }
  }

  /** Records a chunk of streamed content. */
  chunk(chunk: Body): void {
    this.#visit?.recorder?.chunk(chunk)
  }

  /**
   * Ends the recording: the content is complete.
   *
   * @param sent Reads the header as it was sent, where other middlewares may have added to it.
   */
  finish(sent?: () => Fields): void {
    const visit = this.#visit
    if (!visit?.recorder || visit.recorder.isOver) return
    try {
      if (sent) this.#responses?.confirm(visit, sent())
    } catch (error) {
      this.#cache.engine.report(error)
      visit.recorder.refuse()
    }
    visit.recorder.finish()
  }

  /** Gives up recording a response that bypasses us. */
  refuse(): void {
    this.#visit?.recorder?.refuse()
  }

  /** Gives up recording a response whose content will not be completed. */
  abort(): void {
    this.#visit?.recorder?.abort()
  }

  /**
   * The client has left before the content was complete. The handler may go on for a while, for the sake of other
   * clients. A refresh has no client: its handler has broken off.
   */
  clientLeft(): void {
    if (this.isRefresh) {
      this.abort()
      return
    }
    this.#hasClientLeft = true
    this.#visit?.recorder?.clientLeft()
    setTimeout(() => this.abort(), HANDLER_MAY_GO_ON).unref()
  }

  #head(said: Reply): Reply {
    const { method } = this.request
    if (this.#invalidated.length > 0 && !isSafe(method))
      this.#forgetting = Promise.all(
        this.#invalidated.map((responses) => responses.invalidate(this.request, said)),
      ).catch(this.#cache.engine.report)
    const detections = this.detected()
    const used = usedOf(detections)
    if (this.#isOnlyIfCached && used.left === undefined && this.#visit === undefined)
      return { status: 504, fields: {}, body: '' }
    const answered = this.#visit && this.#responses ? this.#responses.answer(this.#visit, said, used) : said
    const told = this.#control && isSafe(method) ? withDerived(answered, detections, this.#control) : answered
    const reply = this.#tagged(told)
    this.#visit?.recorder?.head(reply)
    return this.#conditional(reply)
  }

  /** Adds an entity tag to a 200 whose content is known. */
  #tagged(reply: Reply): Reply {
    const { status, fields, body } = reply
    const { method } = this.request
    if (!this.#isTagged && !this.#visit) return reply
    const isContent = method === 'GET' ? body !== undefined : method === 'HEAD' && body !== undefined && body.length > 0
    if (status !== 200 || !isContent || fields.etag !== undefined) return reply
    return { ...reply, fields: { ...fields, etag: entityTag(body as Body, lineOf(fields['content-type'])) } }
  }

  #conditional(reply: Reply): Reply {
    if (!this.#isTagged && !this.#responses) return reply
    return conditionalReply(this.request, reply, this.#hasCompressor)
  }

  #decide(responses: ResponseCache, directives: CacheControl): Awaitable<Decision> {
    const decide = () => responses.decide(this.request, directives, this.isRefresh)
    if (!this.#areReadsOff) return decide()
    return outsideScope(() => (this.#isClearing ? invalidateFurther(decide) : decide()))
  }

  #forward(visit: Visit, handler: Handler): void {
    this.#visit = visit
    if (this.#hasClientLeft) visit.recorder?.clientLeft()
    if (visit.ask) visit.before = { ...this.#header() }
    if (this.#soFar || !visit.recorder) handler.run()
    else this.#watch(this.#cache, () => runToEnd(handler))
  }

  #enter(cache: Cache, directives: CacheControl, handler: Handler): void {
    this.#isOnlyIfCached = directives.onlyIfCached ?? false
    this.#areReadsOff = Boolean(directives.noCache || directives.noStore)
    this.#watch(cache, () => steered(cache, directives, () => runToEnd(handler)))
  }

  #watch(cache: Cache, run: () => Promise<unknown>): void {
    cache
      .detect((soFar) => {
        this.#soFar = soFar
        return run()
      })
      .catch(this.#cache.engine.report)
  }

  /** The directives to honour. They are asked for twice where cached functions and a stored response follow them. */
  #steer(options: SteeringOptions): Awaitable<CacheControl> {
    const honored = options.honorRequestDirectives ?? this.#control?.honorRequestDirectives
    if (honored === 'none' || this.isRefresh || demandsNothing(this.request)) return NO_DIRECTIVES
    this.#directives ??= steer(this.#cache, this.request, { ...this.#control, ...options })
    return honored === 'all' ? this.#directives : chain(this.#directives, ({ maxStale: _, ...fresher }) => fresher)
  }

  /** Runs a step; if it fails, reports that and passes the request on to the handler. */
  #safely(step: () => unknown, handler: Handler): void {
    const fail = (error: unknown) => {
      this.#cache.engine.report(error)
      handler.run()
    }
    try {
      const done = step()
      if (isPending(done)) done.catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}

function runToEnd(handler: Handler): Promise<unknown> {
  handler.run()
  return handler.ended()
}
