import {
  type Awaitable,
  type Cache,
  chain,
  compileGlob,
  type Lease,
  outsideScope,
  parseTtl,
  Refreshes,
  type Ttl,
} from '@cashews/core'
import { type CacheControl, parseCacheControl, writeCacheControl } from './cache-control.ts'
import { appended, type CacheStatus, cacheStatus, type Forward } from './cache-status.ts'
import { conditionalReply } from './conditional.ts'
import { entityTag } from './etag.ts'
import { type Fields, lineOf, type RequestFields } from './field.ts'
import { explicitLifetime, initialAge } from './freshness.ts'
import { httpDate } from './http-date.ts'
import { checkResponseOptions } from './options.ts'
import { type Ending, Recorder } from './recorder.ts'
import { type Asked, type HttpRequest, isRead, isSafe, type Reply } from './request.ts'
import { type Resource, ResponseKeys } from './response-key.ts'
import { type Found, ResponseStore, type Wanted } from './response-store.ts'
import { demandsNothing } from './steering.ts'
import {
  ageNow,
  freshenedFields,
  isOpen,
  isStored,
  isUnderstood,
  type Policy,
  policyOf,
  type StoredResponse,
  storedFields,
} from './stored-response.ts'
import { variantOf, varyingFields } from './vary.ts'

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
  /** Whether `Cache-Status` tells the key too: of help to you, and to whoever wants to poison an entry. @default false */
  readonly debug?: boolean
}

/** A request on its way through the handler. */
export interface Visit {
  readonly forward: Forward
  /** Fields to ask the handler with, whether what is stored is still right. */
  readonly conditions?: Readonly<Record<string, string>> | undefined
  /** Records the response; absent when it will not be stored, whatever it is. */
  readonly recorder?: Recorder | undefined
  readonly ask?: Ask
  readonly found?: Found
  /** The header as it was before the handler ran. */
  before?: Fields
  /** How the response will be kept, once it is known that it may. */
  plan?: Plan
}

interface Plan {
  /** The header that the handler gave it. */
  readonly said: Fields
  readonly policy: Policy
  readonly names: readonly string[]
  /** In milliseconds. */
  readonly lifetime: number
  readonly tags: readonly string[] | undefined
  /** Whether the handler said itself how long it may be kept. */
  readonly saysItself: boolean
}

/** A visit that others may wait for. */
interface Load {
  lease: Lease | undefined
  readonly recorder: Recorder
  /** What was recorded, or why nothing was. Never rejects. */
  readonly done: Promise<Recorded | Exclude<Ending, 'whole'>>
}

interface Recorded {
  readonly response: StoredResponse
  readonly names: readonly string[]
  readonly ask: Ask
}

/** What a cached route does with a request: it has an answer, perhaps one that is due to be refreshed, or a visit. */
export type Decision =
  | { readonly reply: Reply; readonly refresh?: (run: () => Promise<unknown>) => void; readonly visit?: undefined }
  | { readonly reply?: undefined; readonly visit: Visit }

interface Ask extends Wanted {
  readonly directives: CacheControl
  /** Whether the request carries credentials that nothing was told to vary by. */
  readonly isPersonal: boolean
  /** Whether it has waited for the response to another. */
  readonly hasWaited: boolean
  /** Whether it was made to refresh what is stored. */
  readonly isRefresh: boolean
}

/** What the handler's cached functions add: how long what they answered is kept, in seconds, and whether it is stale. */
export interface Used {
  readonly left: number | undefined
  readonly isStale: boolean
}

/** How long a response that can be validated is kept beyond its time, in seconds. */
const VALIDATION_TIME = 3_600
/** What a handler answers that failed. */
const FAILURES: ReadonlySet<number> = /* @__PURE__ */ new Set([500, 502, 503, 504])

/** Stores responses, and answers from them by RFC 9111. Knows nothing of any framework. */
export class ResponseCache {
  readonly #cache: Cache
  readonly #options: ResponseCacheOptions
  readonly #keys: ResponseKeys
  readonly #store: ResponseStore
  readonly #maxBytes: number
  readonly #ttl: number | undefined
  readonly #staleWhileRevalidate: number
  readonly #staleIfError: number
  readonly #underWay = new Map<string, Load>()
  readonly #refreshes: Refreshes
  /** What refreshes store, which is later than their response ends. */
  readonly #saving = new Map<string, Promise<unknown>>()
  readonly #isAnonymous: (cookie: string) => boolean
  readonly #isKept: (status: number) => boolean

  /**
   * @throws {TtlError} When a ttl cannot be read.
   * @throws {ConfigurationError} When an option is not known, or cannot work.
   */
  constructor(cache: Cache, options: ResponseCacheOptions) {
    const { prefix = 'http', ignoreCookies = [], ignoreQuery, statuses = [200], tags, varyBy } = options
    checkResponseOptions(options)
    const seconds = (ttl: Ttl | undefined) => (ttl === undefined ? undefined : parseTtl(ttl) / 1_000)
    if (tags !== undefined) cache.requireTags()
    this.#cache = cache
    this.#options = options
    this.#keys = new ResponseKeys(prefix, ignoreQuery)
    this.#store = new ResponseStore(cache, varyBy !== undefined)
    this.#refreshes = new Refreshes(cache)
    this.#maxBytes = options.maxBytes ?? 1024 ** 2
    this.#ttl = seconds(options.ttl)
    this.#staleWhileRevalidate = seconds(options.staleWhileRevalidate) ?? 0
    this.#staleIfError = seconds(options.staleIfError) ?? 0
    const globs = ignoreCookies.map((glob) => compileGlob(glob))
    this.#isAnonymous = (cookie) => globs.some((matches) => matches(cookie))
    this.#isKept = typeof statuses === 'function' ? statuses : (status) => statuses.includes(status)
  }

  /**
   * The answer to a request that demands nothing, where one for everybody is at hand and fresh: what most requests of a
   * busy route get. `undefined` says nothing; {@link decide} does.
   *
   * @param hasCompressor Whether what is sent may be encoded further out.
   */
  answerNow(request: HttpRequest, hasCompressor: boolean): Reply | undefined {
    try {
      const hit = demandsNothing(request) ? this.#hit(request) : undefined
      return hit && conditionalReply(request, hit, hasCompressor)
    } catch (error) {
      this.#cache.report(error)
      return undefined
    }
  }

  /**
   * Answers a request from what is stored, or says how it goes on to the handler.
   *
   * @param directives What the request demands, as far as it is obeyed.
   * @param isRefresh Whether the request was made to refresh what is stored.
   */
  decide(request: HttpRequest, directives: CacheControl, isRefresh = false): Awaitable<Decision> {
    if (!isRead(request.method)) return { visit: { forward: 'method' } }
    const key = isOurs(request) && !directives.noStore ? this.#keys.of(request) : undefined
    if (key === undefined) return { visit: { forward: 'bypass' } }
    const { fields } = request
    const identity = this.#options.varyBy?.(request)
    const isPersonal = identity === undefined && this.#hasCredentials(fields)
    return this.#decide({ request, key, identity, directives, isPersonal, hasWaited: false, isRefresh })
  }

  /**
   * What is sent, given what the handler says: what it says, or what is stored when it failed or has nothing new. From
   * here on the response is recorded, if it may be stored.
   */
  answer(visit: Visit, said: Reply, used: Used): Reply {
    const { ask, found, recorder, forward } = visit
    const status: CacheStatus = { forward, ...this.#debug(ask) }
    const stored = found?.stored
    const now = Date.now()
    if (stored && visit.conditions && said.status === 304) {
      const fields = { ...freshenedFields(stored, said.fields), date: said.fields.date ?? httpDate(now) }
      return this.#keep(
        visit,
        { status: stored.status, fields, body: stored.body },
        { ...status, forwardStatus: 304 },
        used,
        now,
      )
    }
    if (stored && FAILURES.has(said.status) && ageNow(stored, now) - stored.lifetime < stored.staleIfError) {
      recorder?.refuse()
      return this.#replyOf(stored, { ...status, forwardStatus: said.status }, now)
    }
    return this.#keep(visit, said, status, used, now)
  }

  /**
   * Gives up keeping a response that, with the header that was really sent, may not be kept: middlewares further out add
   * cookies when it is sent.
   */
  confirm({ ask, plan, recorder }: Visit, sent: Fields): void {
    if (!ask || !plan || !recorder) return
    const late = Object.entries(sent).filter(([name, value]) => String(value) !== String(recorder.fields[name]))
    const fields = { ...plan.said, ...Object.fromEntries(late) }
    const names = varyingFields(fields.vary)
    const varies = names === '*' || names.some((name) => name !== 'accept-encoding' && !plan.names.includes(name))
    if (varies || !this.#mayKeep(ask, plan.policy.status, fields)) recorder.refuse()
  }

  /** Forgets what is stored for a request that changed its resource, and for what the answer points to (RFC 9111 §4.4). */
  async invalidate(request: HttpRequest, { status, fields }: Omit<Reply, 'body'>): Promise<void> {
    if (isSafe(request.method) || status < 200 || status > 399) return
    const { scheme, authority, fields: asked } = request
    const origin = URL.parse(`${scheme}://${authority}`)?.origin
    const urls = [request.url]
    for (const name of ['location', 'content-location']) {
      const url = URL.parse(lineOf(fields[name]) ?? '', `${origin}${request.url}`)
      if (url && url.origin === origin) urls.push(url.pathname + url.search)
    }
    // Those of everybody else, and those that were made for fields such as this request has.
    const resources = urls.flatMap((url) => [{}, asked].map((like) => ({ scheme, authority, fields: like, url })))
    const keys = new Set(resources.map((resource) => this.#keys.of(resource)))
    await Promise.all([...keys].map((key) => key !== undefined && this.#store.delete(key)))
  }

  /** Deletes what is stored for a resource, all its variants. Answers whether there was anything. */
  async forget(request: Resource): Promise<boolean> {
    const key = this.#keys.of(request)
    return key !== undefined && this.#store.delete(key)
  }

  #hit(request: HttpRequest): Reply | undefined {
    if (this.#options.varyBy || !isRead(request.method) || !isOurs(request)) return undefined
    const key = this.#hasCredentials(request.fields) ? undefined : this.#keys.of(request)
    const stored = key === undefined ? undefined : this.#cache.getNow(key)
    const now = Date.now()
    if (!isStored(stored) || stored.isNoCache || ageNow(stored, now) >= stored.lifetime) return undefined
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
      const forward = ask.hasWaited ? ({ forward: 'uri-miss', isCollapsed: true } as const) : { hit: true }
      const reply = this.#replyOf(stored, { ...forward, ...this.#debug(ask) }, now)
      return verdict === 'due' ? { reply, refresh: (run) => this.#refresh(found.place, stored, run) } : { reply }
    })
  }

  /** Lets one request run in all processes that share the store, unless another has brought something newer by then. */
  #refresh(place: string, { at }: StoredResponse, run: () => Promise<unknown>): void {
    const isDue = (now: unknown) => isStored(now) && now.at === at
    this.#refreshes.start(place, isDue, async () => {
      await run()
      await this.#saving.get(place)
    })
  }

  /** Sends a request on to the handler, or lets it wait for the answer to another. */
  #visit(ask: Ask, found: Found, forward: Forward): Awaitable<Decision> {
    if (ask.directives.onlyIfCached) return { reply: { status: 504, fields: { 'cache-status': 'cashews' }, body: '' } }
    if (ask.request.method === 'HEAD') return { visit: { forward } }
    if (ask.isPersonal || ask.hasWaited || ask.isRefresh || forward === 'request')
      return this.#record(ask, found, forward)
    const other = this.#underWay.get(found.place)
    return other && !other.lease?.broken ? this.#wait(ask, found, other) : this.#record(ask, found, forward, true)
  }

  async #wait(ask: Ask, { place }: Found, other: Load): Promise<Decision> {
    const done = await Promise.race([other.done, other.recorder.dragging])
    if (done === 'aborted') return this.#decide(ask)
    const waited = { ...ask, hasWaited: true }
    if (done === 'dragging') {
      this.#noLonger(other, place)
      return this.#decide(waited)
    }
    if (done === 'refused' || placeIn(done.names, done.ask) !== placeIn(done.names, ask)) return this.#decide(waited)
    const status = { forward: 'uri-miss', isCollapsed: true, ...this.#debug(ask) } as const
    return { reply: this.#replyOf(done.response, status, Date.now()) }
  }

  /**
   * Lets the handler run, and records what it answers. First it takes the lease, so that nothing is stored which is
   * invalidated from now on.
   */
  #record(ask: Ask, found: Found, forward: Forward, isAwaited = false): Awaitable<Decision> {
    const recorder = new Recorder(this.#maxBytes)
    const { tags } = this.#options
    const ahead = typeof tags === 'function' ? 'any' : tags
    const visit: Visit = { forward, recorder, ask, found, conditions: this.#conditions(found.stored) }
    const { promise: leased, resolve: goOn } = Promise.withResolvers<void>()
    let load: Load | undefined
    let lease: Lease | undefined
    const stored = outsideScope(() =>
      this.#cache.fly<Recorded | Ending>(
        { key: this.#store.leaseKeyOf(ask, found), self: undefined, args: [], signal: undefined },
        {
          sharing: 'apart',
          seen: () => ({ strategy: 'response' }),
          tags: ahead && (() => ahead),
          load: async (own) => {
            lease = own
            if (load) load.lease = own
            goOn()
            const ending = await recorder.ended
            return ending === 'whole' ? this.#save(visit, recorder, own) : ending
          },
        },
      ),
    )
    const done = stored.catch((error): Ending => {
      this.#cache.report(error)
      recorder.refuse()
      goOn()
      return 'refused'
    }) as Load['done']
    if (isAwaited) {
      const own: Load = { lease, done, recorder }
      load = own
      this.#underWay.set(found.place, own)
      done.then(() => this.#noLonger(own, found.place))
    }
    if (ask.isRefresh) {
      this.#saving.set(found.place, done)
      done.then(() => this.#saving.delete(found.place))
    }
    return lease ? { visit } : leased.then(() => ({ visit }))
  }

  /** Lets nobody who comes from now on wait for a load. */
  #noLonger(load: Load, place: string): void {
    if (this.#underWay.get(place) === load) this.#underWay.delete(place)
  }

  async #save({ ask, found, plan, before = {} }: Visit, recorder: Recorder, lease: Lease): Promise<Recorded> {
    const { policy, names, lifetime, tags, saysItself } = plan as Plan
    const { fields, body } = recorder.whole
    const tag =
      policy.status === 200 && fields.etag === undefined
        ? { etag: entityTag(body, lineOf(fields['content-type'])) }
        : {}
    const response: StoredResponse = {
      ...policy,
      saysItself,
      fields: { ...storedFields(fields, before), ...tag },
      body,
    }
    await this.#store.store(ask as Ask, found as Found, names, response, lifetime, lease, tags)
    return { response, names, ask: ask as Ask }
  }

  /** Plans to store what is sent, if it may be stored. */
  #keep(visit: Visit, said: Reply, status: CacheStatus, used: Used, now: number): Reply {
    const { ask, recorder } = visit
    const plan = ask && recorder && this.#plan(ask, said, used, now)
    if (plan === undefined) recorder?.refuse()
    else visit.plan = plan
    const isStored = plan !== undefined
    const added = plan ? { date: httpDate(now), ...this.#controlFor(said.fields, plan.policy.lifetime) } : {}
    const fields: Record<string, string | string[]> = { ...added, ...said.fields }
    fields['cache-status'] = appended(fields['cache-status'], cacheStatus('cashews', { ...status, isStored }))
    return { ...said, fields }
  }

  /** Decides whether and how a response is kept: RFC 9111 §3, and stricter where users could meet. */
  #plan(ask: Ask, said: Reply, used: Used, now: number): Plan | undefined {
    const { status, fields } = said
    const names = varyingFields(fields.vary)
    if (names === '*' || used.isStale || !this.#mayKeep(ask, status, fields)) return undefined
    const directives = parseCacheControl(fields['cache-control'])
    const lifetime = explicitLifetime(directives, fields, now) ?? this.#ttl ?? used.left
    if (lifetime === undefined) return undefined
    const policy = policyOf(status, directives, {
      lifetime,
      age: initialAge(fields, now),
      now,
      staleWhileRevalidate: this.#staleWhileRevalidate,
      staleIfError: this.#staleIfError,
    })
    const kept = this.#keptFor(policy, fields)
    if (kept <= 0) return undefined
    const saysItself = fields['cache-control'] !== undefined
    return { said: fields, policy, names, lifetime: Math.ceil(kept * 1_000), tags: this.#tags(ask, said), saysItself }
  }

  /** Whether a response with such a header may be kept for others. */
  #mayKeep(ask: Ask, status: number, fields: Fields): boolean {
    const directives = parseCacheControl(fields['cache-control'])
    if (status < 200 || status === 206 || status === 304 || !this.#isKept(status)) return false
    if (directives.noStore || (directives.mustUnderstand && !isUnderstood(status))) return false
    if (directives.private && ask.identity === undefined) return false
    if (ask.isPersonal && !isOpen(directives)) return false
    if (fields['set-cookie'] !== undefined && !this.#options.storeSetCookie) return false
    return fields.trailer === undefined && !isEndless(fields)
  }

  /** How long a response is worth keeping, in seconds. */
  #keptFor({ lifetime, age, isNoCache, staleWhileRevalidate, staleIfError }: Policy, fields: Fields): number {
    const canAsk = this.#options.revalidate && (fields.etag !== undefined || fields['last-modified'] !== undefined)
    if (isNoCache && !canAsk) return 0
    const beyond = Math.max(staleWhileRevalidate, staleIfError, canAsk ? VALIDATION_TIME : 0)
    return Math.max(0, lifetime - age) + beyond
  }

  #tags(ask: Ask, said: Reply): readonly string[] | undefined {
    const { tags } = this.#options
    return typeof tags === 'function' ? tags(ask.request, said) : tags
  }

  /** What the settings say where the header says nothing. */
  #controlFor(fields: Fields, lifetime: number): Record<string, string> {
    if (fields['cache-control'] !== undefined || fields.expires !== undefined) return {}
    const isPublic = this.#options.public === true && this.#options.varyBy === undefined
    return { 'cache-control': writeCacheControl({ public: isPublic, private: !isPublic, maxAge: lifetime }) }
  }

  #replyOf(stored: StoredResponse, status: CacheStatus, now: number): Reply {
    const age = ageNow(stored, now)
    const told = cacheStatus('cashews', { ...status, ttl: stored.lifetime - age })
    const fields = { ...stored.fields, age: String(Math.floor(age)), 'cache-status': told }
    return { status: stored.status, fields, body: stored.body }
  }

  #conditions(stored: StoredResponse | undefined): Record<string, string> | undefined {
    if (!stored || !this.#options.revalidate) return undefined
    const conditions: Record<string, string> = {}
    const { etag, 'last-modified': modified } = stored.fields
    if (etag !== undefined) conditions['if-none-match'] = lineOf(etag) as string
    if (modified !== undefined) conditions['if-modified-since'] = lineOf(modified) as string
    return etag === undefined && modified === undefined ? undefined : conditions
  }

  #hasCredentials({ authorization, cookie }: RequestFields): boolean {
    if (authorization !== undefined) return true
    if (cookie === undefined) return false
    return (lineOf(cookie) as string).split(';').some((pair) => {
      const name = (pair.split('=', 1)[0] as string).trim()
      return name !== '' && !this.#isAnonymous(name)
    })
  }

  #debug(ask: Pick<CacheStatus, 'key'> | undefined): Pick<CacheStatus, 'key'> {
    return this.#options.debug && ask ? { key: ask.key } : {}
  }
}

/** What a stored response is good for: to be answered, also while it is refreshed, or not at all. */
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

/**
 * Whether a request is one for a cache: what has conditions on writing, changes the protocol, or brings content that the
 * answer may depend on, is the handler's.
 */
function isOurs({ fields }: HttpRequest): boolean {
  const hasContent = fields['transfer-encoding'] !== undefined || (fields['content-length'] ?? '0') !== '0'
  return !fields['if-match'] && !fields['if-unmodified-since'] && !fields.upgrade && !hasContent
}

/** Events are sent as they happen: nobody can wait for their end. */
function isEndless(fields: Fields): boolean {
  return lineOf(fields['content-type'])?.startsWith('text/event-stream') ?? false
}

function placeIn(names: readonly string[], { request, identity }: Ask): string {
  return variantOf(names, request.fields, identity)
}
