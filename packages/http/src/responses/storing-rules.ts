import { compileGlob, type Milliseconds, parseTtl, type Ttl } from '@cashews/core'
import { checkReturned, isListOf } from '../options.ts'
import { parseCacheControl, writeCacheControl } from '../rules/cache-control.ts'
import type { Used } from '../rules/derived.ts'
import { type Fields, lineOf, type RequestFields } from '../rules/field.ts'
import { explicitLifetime, initialAge } from '../rules/freshness.ts'
import type { Reply } from '../rules/request.ts'
import { varyingFields } from '../rules/vary.ts'
import type { Ask } from './ask.ts'
import type { ResponseCacheOptions } from './response-options.ts'
import { isOpen, isUnderstood, type Policy, policyOf } from './stored-response.ts'

/** How a response will be stored. */
export interface Plan {
  /** The header from the handler. */
  readonly said: Fields
  readonly policy: Policy
  /** The request fields it varies by. */
  readonly names: readonly string[]
  readonly lifetime: Milliseconds
  readonly tags: readonly string[] | undefined
  /** Whether the handler has set `Cache-Control`. */
  readonly saysItself: boolean
}

/** How long a stale response is kept that can be revalidated, in seconds. */
const VALIDATION_TIME = 3_600

/** Statuses that answer the range or the conditions of one request, which no key tells. */
const OF_THIS_REQUEST: ReadonlySet<number> = /* @__PURE__ */ new Set([206, 304, 412, 416])

/** Whether and for how long a response is stored: RFC 9111 §3, but stricter where users could see each other's. */
export class StoringRules {
  readonly #options: ResponseCacheOptions
  readonly #ttl: number | undefined
  readonly #staleWhileRevalidate: number
  readonly #staleIfError: number
  readonly #isAnonymous: (cookie: string) => boolean
  readonly #isKept: (status: number) => boolean

  /** @throws {TtlError} When a ttl is invalid. */
  constructor(options: ResponseCacheOptions) {
    const { ignoreCookies = [], statuses = [200], ttl, staleWhileRevalidate, staleIfError } = options
    const globs = ignoreCookies.map((glob) => compileGlob(glob))
    this.#options = options
    this.#ttl = secondsOf('ttl', ttl)
    this.#staleWhileRevalidate = secondsOf('staleWhileRevalidate', staleWhileRevalidate) ?? 0
    this.#staleIfError = secondsOf('staleIfError', staleIfError) ?? 0
    this.#isAnonymous = (cookie) => globs.some((matches) => matches(cookie))
    this.#isKept = typeof statuses === 'function' ? checked(statuses) : (status) => statuses.includes(status)
  }

  /** Whether a request identifies its user. */
  hasCredentials({ authorization, cookie }: RequestFields): boolean {
    if (authorization !== undefined) return true
    if (cookie === undefined) return false
    return (lineOf(cookie) as string).split(';').some((pair) => {
      const name = (pair.split('=', 1)[0] as string).trim()
      return name !== '' && !this.#isAnonymous(name)
    })
  }

  /** Plans how to store a response; `undefined` when it must not be stored. */
  plan(ask: Ask, said: Reply, used: Used, now: number): Plan | undefined {
    const { status, fields } = said
    const names = varyingFields(fields.vary)
    if (names === '*' || used.isStale || !this.mayKeep(ask, status, fields)) return undefined
    const directives = parseCacheControl(fields['cache-control'])
    const lifetime = explicitLifetime(directives, fields, now) ?? this.#ttl ?? used.left
    if (lifetime === undefined && !directives.noCache) return undefined
    const policy = policyOf(status, directives, {
      lifetime: lifetime ?? 0,
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

  /** Whether a response with this header may be stored. */
  mayKeep(ask: Ask, status: number, fields: Fields): boolean {
    const directives = parseCacheControl(fields['cache-control'])
    if (status < 200 || OF_THIS_REQUEST.has(status) || !this.#isKept(status)) return false
    // With must-understand, no-store is for caches that do not know that directive (§5.2.2.3).
    if (directives.mustUnderstand ? !isUnderstood(status) : directives.noStore) return false
    if (directives.private && ask.identity === undefined) return false
    if (ask.isPersonal && !isOpen(directives)) return false
    if (fields['set-cookie'] !== undefined && !this.#options.storeSetCookie) return false
    return fields.trailer === undefined && !isEndless(fields)
  }

  /** `Cache-Control` from the settings, for a header that does not say how long it is fresh. */
  controlFor(fields: Fields, lifetime: number): Record<string, string> {
    if (fields['cache-control'] !== undefined || fields.expires !== undefined) return {}
    const isPublic = this.#options.public === true && this.#options.varyBy === undefined
    return { 'cache-control': writeCacheControl({ public: isPublic, private: !isPublic, maxAge: lifetime }) }
  }

  /** How long a response is of use, in seconds. */
  #keptFor({ lifetime, age, isNoCache, staleWhileRevalidate, staleIfError }: Policy, fields: Fields): number {
    const canAsk = this.#options.revalidate && (fields.etag !== undefined || fields['last-modified'] !== undefined)
    if (isNoCache && !canAsk) return 0
    const beyond = Math.max(staleWhileRevalidate, staleIfError, canAsk ? VALIDATION_TIME : 0)
    return Math.max(0, lifetime - age) + beyond
  }

  #tags(ask: Ask, said: Reply): readonly string[] | undefined {
    const { tags } = this.#options
    if (typeof tags !== 'function') return tags
    const names: unknown = tags(ask.request, said) ?? undefined
    checkReturned(names === undefined || isListOf('string', names), 'tags returns a list of names', names)
    return names as readonly string[] | undefined
  }
}

/** A promise would stand for every status. */
function checked(isKept: (status: number) => boolean): (status: number) => boolean {
  return (status) => {
    const kept = isKept(status)
    checkReturned(typeof kept === 'boolean', 'statuses returns true or false', kept)
    return kept
  }
}

function secondsOf(option: string, ttl: Ttl | undefined): number | undefined {
  return ttl === undefined ? undefined : parseTtl(ttl, option) / 1_000
}

/** Server-sent events have no end to wait for. */
function isEndless(fields: Fields): boolean {
  return lineOf(fields['content-type'])?.startsWith('text/event-stream') ?? false
}
