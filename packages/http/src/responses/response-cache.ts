import { type Awaitable, type Cache, chain, type Engine, Refreshes } from '@cashews/core'
import { checkResponseOptions, nameFrom } from '../options.ts'
import type { CacheControl } from '../rules/cache-control.ts'
import { appended, type CacheStatus, cacheStatus, type Forward } from '../rules/cache-status.ts'
import { conditionalReply } from '../rules/conditional.ts'
import type { Used } from '../rules/derived.ts'
import { type Fields, lineOf } from '../rules/field.ts'
import { httpDate } from '../rules/http-date.ts'
import { type HttpRequest, isRead, isSafe, type Reply } from '../rules/request.ts'
import { varyingFields } from '../rules/vary.ts'
import { demandsNothing } from '../steering.ts'
import type { Ask } from './ask.ts'
import { type Resource, ResponseKeys } from './response-key.ts'
import type { ResponseCacheOptions } from './response-options.ts'
import { type Found, ResponseStore } from './response-store.ts'
import { ResponseTallies } from './response-tallies.ts'
import { ageNow, freshenedFields, isStored, overlaid, type StoredResponse, withoutRemoved } from './stored-response.ts'
import { StoringRules } from './storing-rules.ts'
import { type Shared, type Visit, Visits } from './visits.ts'

/** How a request is answered: from the store, perhaps with a refresh that is due, or by a visit to the handler. */
export type Decision =
  | { readonly reply: Reply; readonly refresh?: (run: () => Promise<unknown>) => void; readonly visit?: undefined }
  | { readonly reply?: undefined; readonly visit: Visit }

/** The statuses of a failed handler. */
const FAILURES: ReadonlySet<number> = /* @__PURE__ */ new Set([500, 502, 503, 504])

/** Stores responses, and answers from them by RFC 9111. Independent of frameworks. */
export class ResponseCache {
  readonly #engine: Engine
  readonly #options: ResponseCacheOptions
  readonly #keys: ResponseKeys
  readonly #store: ResponseStore
  readonly #rules: StoringRules
  readonly #visits: Visits
  readonly #refreshes: Refreshes
  readonly #tallies: ResponseTallies

  /**
   * @throws {TtlError} When a ttl is invalid.
   * @throws {ConfigurationError} When an option is unknown or cannot work.
   */
  constructor(cache: Cache, options: ResponseCacheOptions) {
    checkResponseOptions(options)
    const { prefix = 'http', name, ignoreQuery, tags, varyBy } = options
    if (tags !== undefined) cache.engine.requireTags()
    this.#engine = cache.engine
    this.#options = options
    this.#keys = new ResponseKeys(prefix, ignoreQuery)
    this.#store = new ResponseStore(cache.engine, varyBy !== undefined)
    this.#rules = new StoringRules(options)
    this.#tallies = new ResponseTallies(cache.engine, prefix, name)
    this.#visits = new Visits(cache.engine, this.#store, this.#tallies, options)
    this.#refreshes = new Refreshes(cache.engine)
  }

  /**
   * The fast path for most requests of a busy route: answers a request without `Cache-Control` if a fresh response that
   * anyone may have is in this process. Otherwise returns `undefined`, and {@link decide} answers.
   *
   * @param hasCompressor Whether a compressor may still encode what is sent.
   */
  answerNow(request: HttpRequest, hasCompressor: boolean): Reply | undefined {
    try {
      const hit = demandsNothing(request) ? this.#hit(request) : undefined
      return hit && conditionalReply(request, hit, hasCompressor)
    } catch (error) {
      this.#engine.report(error)
      return undefined
    }
  }

  /**
   * Answers a request from the store, or prepares its visit to the handler.
   *
   * @param directives The request directives to honour.
   * @param isRefresh Whether the request was made to refresh a stored response.
   */
  decide(request: HttpRequest, directives: CacheControl, isRefresh = false): Awaitable<Decision> {
    if (!isRead(request.method)) return { visit: { forward: 'method' } }
    const key = isOurs(request) && !directives.noStore ? this.#keys.of(request) : undefined
    if (key === undefined) return { visit: { forward: 'bypass' } }
    const { fields } = request
    const identity = nameFrom('varyBy', this.#options.varyBy?.(request))
    const isPersonal = identity === undefined && this.#rules.hasCredentials(fields)
    return this.#decide({
      request,
      key,
      identity,
      directives,
      isPersonal,
      hasWaited: false,
      isRepeated: false,
      isRefresh,
    })
  }

  /**
   * Decides what to send for the handler's reply: the reply itself, or the stored response if the handler has failed or
   * answered 304 to our conditions. From here on the response is recorded, if it may be stored.
   */
  answer(visit: Visit, said: Reply, used: Used): Reply {
    const { ask, found, recorder, forward } = visit
    const status: CacheStatus = { forward, ...this.#debug(ask) }
    const stored = found?.stored
    const now = Date.now()
    if (stored && visit.conditions && said.status === 304) {
      const fresh = withoutRemoved(freshenedFields(stored, said.fields, visit.before), stored.removed)
      const { date = httpDate(now), age } = said.fields // An answer of another cache has an age.
      const fields = { ...fresh, date, ...(age !== undefined && { age }) }
      return this.#keep(
        visit,
        { status: stored.status, fields, body: stored.body },
        { ...status, forwardStatus: 304 },
        used,
        now,
      )
    }
    if (stored && FAILURES.has(said.status) && maySubstitute(stored, now)) {
      recorder?.refuse()
      if (ask) this.#tallies.of(ask.request).stale++
      const reply = this.#replyOf(stored, { ...status, forwardStatus: said.status }, now)
      return { ...reply, fields: overlaid(withoutRemoved(visit.before ?? {}, stored.removed), reply.fields) }
    }
    return this.#keep(visit, said, status, used, now)
  }

  /**
   * Gives up storing a response that must not be stored with the header it was finally sent with: middlewares further
   * out may add cookies to it.
   */
  confirm({ ask, plan, recorder }: Visit, sent: Fields): void {
    if (!ask || !plan || !recorder) return
    const late = Object.entries(sent).filter(([name, value]) => String(value) !== String(recorder.fields[name]))
    const fields = { ...plan.said, ...Object.fromEntries(late) }
    const names = varyingFields(fields.vary)
    const varies = names === '*' || names.some((name) => name !== 'accept-encoding' && !plan.names.includes(name))
    if (varies || !this.#rules.mayKeep(ask, plan.policy.status, fields)) recorder.refuse()
  }

  /** Invalidates the URL of an unsafe request that succeeded, and the URLs its response points to (RFC 9111 §4.4). */
  async invalidate(request: HttpRequest, { status, fields }: Omit<Reply, 'body'>): Promise<void> {
    if (isSafe(request.method) || status < 200 || status > 399) return
    const { scheme, authority, fields: asked } = request
    const origin = URL.parse(`${scheme}://${authority}`)?.origin
    const urls = [request.url]
    for (const name of ['location', 'content-location']) {
      const url = URL.parse(lineOf(fields[name]) ?? '', `${origin}${request.url}`)
      if (url && url.origin === origin) urls.push(url.pathname + url.search)
    }
    // The entries of plain requests, and those keyed by forwarding fields like the ones of this request.
    const resources = urls.flatMap((url) => [{}, asked].map((like) => ({ scheme, authority, fields: like, url })))
    const keys = new Set(resources.map((resource) => this.#keys.of(resource)))
    await Promise.all([...keys].map((key) => key !== undefined && this.#store.delete(key)))
  }

  /** Deletes the stored responses of a resource, in all variants. Resolves to whether there were any. */
  async forget(request: Resource): Promise<boolean> {
    const key = this.#keys.of(request)
    return key !== undefined && this.#store.delete(key)
  }

  #hit(request: HttpRequest): Reply | undefined {
    if (this.#options.varyBy || !isRead(request.method) || !isOurs(request)) return undefined
    const key = this.#rules.hasCredentials(request.fields) ? undefined : this.#keys.of(request)
    const stored = key === undefined ? undefined : this.#engine.getNow(key)
    const now = Date.now()
    if (!isStored(stored) || stored.isNoCache || ageNow(stored, now) >= stored.lifetime) return undefined
    this.#tallies.of(request).hits++
    return this.#replyOf(stored, { hit: true, ...this.#debug({ key }) }, now)
  }

  #decide(ask: Ask): Awaitable<Decision> {
    return chain(this.#store.find(ask), (found) => {
      const { stored } = found
      const isShared = stored && (!ask.isPersonal || stored.isOpen)
      if (!isShared) return this.#visit(ask, { ...found, stored: undefined }, found.variants ? 'vary-miss' : 'uri-miss')
      const now = Date.now()
      const verdict = ask.isRefresh ? 'stale' : judge(stored, ask.directives, now)
      if (verdict === 'stale' || verdict === 'request') return this.#visit(ask, found, verdict)
      this.#tallies.of(ask.request)[ask.hasWaited ? 'shared' : verdict === 'due' ? 'stale' : 'hits']++
      const forward = ask.hasWaited ? ({ forward: 'uri-miss', isCollapsed: true } as const) : { hit: true }
      const reply = this.#replyOf(stored, { ...forward, ...this.#debug(ask) }, now)
      return verdict === 'due' ? { reply, refresh: (run) => this.#refresh(found.place, stored, run) } : { reply }
    })
  }

  /** Runs one refresh among all processes that share the store, unless the response has been replaced by then. */
  #refresh(place: string, { at }: StoredResponse, run: () => Promise<unknown>): void {
    const isDue = (now: unknown) => isStored(now) && now.at === at
    this.#refreshes.start(place, isDue, async () => {
      await run()
      await this.#visits.saved(place)
    })
  }

  /** Sends a request to the handler, or lets it wait for the response to another one. */
  #visit(ask: Ask, found: Found, forward: Forward): Awaitable<Decision> {
    if (ask.directives.onlyIfCached) return { reply: { status: 504, fields: { 'cache-status': 'cashews' }, body: '' } }
    if (ask.request.method === 'HEAD') return { visit: { forward, ask, found } }
    const visit = { forward, ask, found, conditions: this.#conditions(found.stored) }
    const isAwaited = !ask.isPersonal && !ask.hasWaited && !ask.isRefresh && forward !== 'request'
    const shared = isAwaited ? this.#visits.share(ask, found) : undefined
    return shared
      ? shared.then((response) => this.#share(ask, response))
      : chain(this.#visits.record(visit, isAwaited), (visit) => ({ visit }))
  }

  /** Continues after waiting for the response to another request. */
  #share(ask: Ask, shared: Shared): Awaitable<Decision> {
    if (shared === 'again') return this.#decide({ ...ask, isRepeated: true })
    const now = Date.now()
    if (shared === 'alone' || judge(shared, ask.directives, now) !== 'hit')
      return this.#decide({ ...ask, hasWaited: true })
    this.#tallies.of(ask.request).shared++
    const status = { forward: 'uri-miss', isCollapsed: true, ...this.#debug(ask) } as const
    return { reply: this.#replyOf(shared, status, now) }
  }

  /** Plans to store a reply, if it may be stored. */
  #keep(visit: Visit, said: Reply, status: CacheStatus, used: Used, now: number): Reply {
    const { ask, recorder } = visit
    const plan = ask && recorder && this.#rules.plan(ask, said, used, now)
    if (plan === undefined) recorder?.refuse()
    else visit.plan = plan
    const isStored = plan !== undefined
    const added = plan ? { date: httpDate(now), ...this.#rules.controlFor(said.fields, plan.policy.lifetime) } : {}
    const fields: Record<string, string | string[]> = { ...added, ...said.fields }
    fields['cache-status'] = appended(fields['cache-status'], cacheStatus('cashews', { ...status, isStored }))
    return { ...said, fields }
  }

  #replyOf(stored: StoredResponse, status: CacheStatus, now: number): Reply {
    const age = ageNow(stored, now)
    const told = cacheStatus('cashews', { ...status, ttl: stored.lifetime - age })
    const fields = { ...stored.fields, age: String(Math.floor(age)), 'cache-status': told }
    return { status: stored.status, fields, body: stored.body, removed: stored.removed }
  }

  #conditions(stored: StoredResponse | undefined): Record<string, string> | undefined {
    if (!stored || !this.#options.revalidate) return undefined
    const conditions: Record<string, string> = {}
    const { etag, 'last-modified': modified } = stored.fields
    if (etag !== undefined) conditions['if-none-match'] = lineOf(etag) as string
    if (modified !== undefined) conditions['if-modified-since'] = lineOf(modified) as string
    return etag === undefined && modified === undefined ? undefined : conditions
  }

  #debug(ask: Pick<CacheStatus, 'key'> | undefined): Pick<CacheStatus, 'key'> {
    return this.#options.debug && ask ? { key: ask.key } : {}
  }
}

/**
 * What a stored response is good for: a hit, a hit that is due for a refresh, or nothing without asking the handler.
 */
type Verdict = 'hit' | 'due' | 'stale' | 'request'

/** Decides whether a stored response is the answer to a request (RFC 9111 §4, RFC 5861 §3). */
function judge(stored: StoredResponse, directives: CacheControl, now: number): Verdict {
  const { maxAge = Number.POSITIVE_INFINITY, minFresh = Number.NEGATIVE_INFINITY, maxStale = 0 } = directives
  const age = ageNow(stored, now)
  const left = stored.lifetime - age
  if (directives.noCache || age > maxAge || left < minFresh) return 'request'
  if (stored.isNoCache) return 'stale'
  if (left > 0) return 'hit'
  if (-left < stored.staleWhileRevalidate) return 'due'
  return !stored.isStrict && maxStale > 0 && -left <= maxStale ? 'hit' : 'stale'
}

/** Whether a stored response may be sent in place of a failure (RFC 5861 §4). */
function maySubstitute(stored: StoredResponse, now: number): boolean {
  return !stored.isNoCache && ageNow(stored, now) - stored.lifetime < stored.staleIfError
}

/**
 * Whether a cache may answer a request. One with preconditions for writing, a protocol upgrade, or content that the
 * response may depend on, is left to the handler.
 */
function isOurs({ fields, hasContent }: HttpRequest): boolean {
  const tellsContent = fields['transfer-encoding'] !== undefined || (fields['content-length'] ?? '0') !== '0'
  return !fields['if-match'] && !fields['if-unmodified-since'] && !fields.upgrade && !tellsContent && !hasContent
}
