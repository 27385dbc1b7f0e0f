import { type Cache, NotConfiguredError, NotSupportedError, onTerms, parseTtl, type Ttl } from '@cashews/core'
import { nameFrom } from './options.ts'
import { type CacheControl, parseCacheControl } from './rules/cache-control.ts'
import { type Asked, type HttpRequest, isRead } from './rules/request.ts'

/** Which `Cache-Control` directives of requests are honoured; they are advisory (RFC 9111 §5.2.1). */
export interface SteeringOptions<R = unknown> {
  /**
   * `'reduce-only'`: those that ask for fresher responses, and `only-if-cached`. `'all'`: `max-stale` too. `'none'`:
   * none.
   *
   * @default 'reduce-only'
   */
  readonly honorRequestDirectives?: 'all' | 'reduce-only' | 'none' | undefined
  /**
   * How often a client may ask for something fresher than what is stored; beyond that it is answered from the cache.
   *
   * @default { limit: 60, period: '1m' }
   */
  readonly recompute?: { readonly limit: number; readonly period: Ttl } | undefined
  /** Identifies the client for {@link recompute}. @default its IP address; of IPv6 the first 64 bits */
  readonly client?: Asked<R, [], string> | undefined
}

const RECOMPUTE = { limit: 60, period: '1m' } as const

/** The directives of a request, unless its client has asked for too many fresh answers. */
export async function steer(
  cache: Cache,
  request: HttpRequest,
  { recompute = RECOMPUTE, client = clientOf }: SteeringOptions,
): Promise<CacheControl> {
  const asked = directivesOf(request)
  const costs = asked.noCache || asked.noStore || asked.maxAge !== undefined || asked.minFresh !== undefined
  if (!costs || (await mayRecompute(cache, nameFrom('client', client(request)) ?? 'unknown', recompute))) return asked
  return { onlyIfCached: asked.onlyIfCached }
}

/** Runs a function inside which cached functions follow the request directives. */
export function steered(cache: Cache, directives: CacheControl, go: () => Promise<unknown>): Promise<unknown> {
  const { noStore, noCache, maxAge, minFresh, onlyIfCached } = directives
  if (noStore) return cache.disabling(['get', 'getMany', 'set', 'setMany'], go)
  if (noCache) return cache.disabling(['get', 'getMany'], go)
  if (maxAge === undefined && minFresh === undefined && !onlyIfCached) return go()
  return onTerms({ maxAge, minFresh, onlyStored: onlyIfCached }, go)
}

const NOTHING: CacheControl = {}

/** Whether a request has no directives to honour. */
export function demandsNothing({ method, fields }: HttpRequest): boolean {
  return !isRead(method) || (!fields['cache-control'] && !fields.pragma)
}

function directivesOf(request: HttpRequest): CacheControl {
  if (demandsNothing(request)) return NOTHING
  const { 'cache-control': field, pragma } = request.fields
  if (field === undefined) return /^\s*no-cache\s*$/i.test(String(pragma)) ? { noCache: true } : NOTHING
  const asked = parseCacheControl(field)
  return asked.maxAge === 0 ? { ...asked, maxAge: undefined, noCache: true } : asked
}

async function mayRecompute(
  cache: Cache,
  client: string,
  { limit, period }: { readonly limit: number; readonly period: Ttl },
): Promise<boolean> {
  const lifetime = parseTtl(period)
  const key = `http:recompute:${client}`
  try {
    const { added } = await cache.engine.call<'sliceIncr'>({
      command: 'sliceIncr',
      key,
      max: limit,
      period: lifetime,
      lifetime,
    })
    return added
  } catch (error) {
    if (!(error instanceof NotSupportedError || error instanceof NotConfiguredError)) throw error
    if (!withoutCount.has(cache)) cache.engine.report(error)
    withoutCount.add(cache)
    return false
  }
}

/** The caches of which it was reported that no store of theirs can count requests. */
const withoutCount = new WeakSet<Cache>()

/** A client usually owns a whole IPv6 /64 network, so that its addresses below that count as one. */
function clientOf({ client = 'unknown' }: HttpRequest): string {
  if (client.includes('.') || !client.includes(':')) return client
  const [before = [], after] = client.split('::').map((groups) => groups.split(':'))
  const zeros = after ? Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0') : []
  return `${[...before, ...zeros, ...(after ?? [])].slice(0, 4).join(':')}::/64`
}
