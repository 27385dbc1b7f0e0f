import { Buffer } from 'node:buffer'
import { STATUS_CODES } from 'node:http'
import type { CacheControl } from '../rules/cache-control.ts'
import type { Body } from '../rules/etag.ts'
import { type Fields, lineOf, membersOf } from '../rules/field.ts'

/** A response as it is stored: plain data, so that any store carries it. Durations are in seconds. */
export interface StoredResponse {
  readonly kind: 'response'
  readonly status: number
  readonly fields: Record<string, string | string[]>
  /** The fields that were set before the handler ran, and that it has removed. */
  readonly removed?: readonly string[] | undefined
  readonly body: Body
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number
  /** Its age at that time. */
  readonly age: number
  readonly lifetime: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  /** Whether it must not be sent stale, even if the client accepts that. */
  readonly isStrict: boolean
  /** Whether it must be revalidated before each use. */
  readonly isNoCache: boolean
  /** Whether requests with credentials may share it. */
  readonly isOpen: boolean
  /** Whether its `Cache-Control` comes from the handler, not from the settings. */
  readonly saysItself: boolean
}

/** What the key of a resource holds whose responses vary: where to find them. */
export interface Variants {
  readonly kind: 'variants'
  readonly names: readonly string[]
  /** Part of the keys of the variants, so that deleting this puts them all out of reach. */
  readonly id: string
}

/** A stored response without its header and content. */
export type Policy = Omit<StoredResponse, 'fields' | 'removed' | 'body' | 'saysItself'>

/** What decides how long a response may be used. Durations are in seconds. */
export interface KeepingTerms {
  readonly lifetime: number
  readonly age: number
  /** In milliseconds since the epoch. */
  readonly now: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
}

export function isStored(value: unknown): value is StoredResponse {
  return isOfKind(value, 'response')
}

export function isVariants(value: unknown): value is Variants {
  return isOfKind(value, 'variants')
}

function isOfKind(value: unknown, kind: string): boolean {
  return typeof value === 'object' && value !== null && (value as { readonly kind?: unknown }).kind === kind
}

/** How a response may be used. Its own directives win over the settings for stale responses (RFC 5861). */
export function policyOf(status: number, directives: CacheControl, terms: KeepingTerms): Policy {
  const { lifetime, age, now } = terms
  const never = directives.mustRevalidate || directives.proxyRevalidate || directives.noCache || false
  const isStrict = never || directives.sMaxage !== undefined
  const stale = (told: number | undefined, set: number) => (never ? 0 : (told ?? (isStrict ? 0 : set)))
  return {
    kind: 'response',
    status,
    at: now,
    age,
    lifetime,
    staleWhileRevalidate: stale(directives.staleWhileRevalidate, terms.staleWhileRevalidate),
    staleIfError: stale(directives.staleIfError, terms.staleIfError),
    isStrict,
    isNoCache: directives.noCache ?? false,
    isOpen: isOpen(directives),
  }
}

/** Whether a response allows to be shared by requests with credentials (RFC 9111 §3.5). */
export function isOpen({ public: isPublic, sMaxage, mustRevalidate }: CacheControl): boolean {
  return isPublic === true || sMaxage !== undefined || mustRevalidate === true
}

/** The age of a stored response, in seconds (RFC 9111 §4.2.3). */
export function ageNow({ age, at }: StoredResponse, now: number): number {
  return age + Math.max(0, now - at) / 1_000
}

/** Fields of one connection, hop or client: stored, a rate limit would tell one client the quota of another. */
const NOT_STORED =
  /^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*|age|cache-status|server-timing|(x-)?ratelimit.*)$/

/** Fields that a stored response needs, whoever has set them. */
const ALWAYS_STORED = /^(vary|cache-control|expires|etag|last-modified|date|location|content-.*)$/

/**
 * The fields that are stored. Those that were set before the handler ran, such as a request id, are set again for each
 * request; so are the cookies among others.
 */
export function storedFields(fields: Fields, before: Fields = {}): Record<string, string | string[]> {
  const ofThisHop = membersOf(fields.connection).map((name) => name.toLowerCase())
  const isBefore = (name: string) => String(before[name]) === String(fields[name]) && !ALWAYS_STORED.test(name)
  const stored = Object.fromEntries(
    Object.entries(fields).filter(
      ([name]) => !NOT_STORED.test(name) && !ofThisHop.includes(name) && !(name in before && isBefore(name)),
    ),
  )
  const others = cookiesOf(before)
  return withCookies(
    stored,
    cookiesOf(fields).filter((cookie) => !others.includes(cookie)),
  )
}

/** The header of a stored response over the fields that were set for this request before its handler. Cookies add up. */
export function overlaid(before: Fields, stored: Fields): Record<string, string | string[]> {
  return withCookies({ ...before, ...stored }, [...cookiesOf(before), ...cookiesOf(stored)])
}

/** A header with these cookies in place of its own. */
function withCookies({ 'set-cookie': _, ...fields }: Fields, cookies: string[]): Record<string, string | string[]> {
  return cookies.length > 0 ? { ...fields, 'set-cookie': cookies } : fields
}

function cookiesOf({ 'set-cookie': cookies = [] }: Fields): string[] {
  return [cookies].flat()
}

/** The fields that were set before the handler ran, and that it has removed; `undefined` if there are none. */
export function removedFields(fields: Fields, before: Fields): readonly string[] | undefined {
  const removed = Object.keys(before).filter((name) => !(name in fields))
  return removed.length > 0 ? removed : undefined
}

/** A header without the fields that a handler has removed. */
export function withoutRemoved(fields: Fields, removed: readonly string[] = []): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !removed.includes(name)))
}

/** Fields that describe the stored content, which a 304 does not change (RFC 9111 §3.2). */
const OF_STORED_CONTENT = /^(etag|content-(encoding|length|md5|range))$/

/**
 * The header of a stored response, updated by that of a 304 (RFC 9111 §4.3.4). Cookies that were set before the handler
 * ran add to the stored ones, and those of the handler replace them.
 */
export function freshenedFields(
  { fields, saysItself }: StoredResponse,
  fresh: Fields,
  before: Fields = {},
): Record<string, string | string[]> {
  const { 'cache-control': control, ...stored } = fields
  const own = saysItself && control !== undefined ? { 'cache-control': control } : {}
  const updates = Object.entries(storedFields(fresh)).filter(([name]) => !OF_STORED_CONTENT.test(name))
  const [cookies, others] = [cookiesOf(fresh), cookiesOf(before)]
  const kept = cookies.every((cookie) => others.includes(cookie)) ? cookiesOf(fields) : []
  return withCookies({ ...stored, ...own, ...Object.fromEntries(updates) }, [...cookies, ...kept])
}

/** Whether a status is understood, as `must-understand` requires. */
export function isUnderstood(status: number): boolean {
  return STATUS_CODES[status] !== undefined
}

/** The size of content in bytes. */
export function sizeOfBody(body: Body): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
}

/** The length of the content by its header. */
export function announcedLength(fields: Fields): number | undefined {
  const line = lineOf(fields['content-length'])
  return line === undefined ? undefined : Number(line)
}
