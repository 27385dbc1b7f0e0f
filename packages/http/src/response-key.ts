import { createHash } from 'node:crypto'
import { compileGlob } from '@cashews/core'
import { lineOf } from './field.ts'
import type { HttpRequest } from './request.ts'

/** A key that is longer ends in a hash of itself. */
const LONGEST = 512

/**
 * What a proxy or a framework may be steered by, and no key would show: each makes an entry of its own, so that nobody
 * can poison that of others.
 */
const UNKEYED = [
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-prefix',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method-override',
  'forwarded',
]

/** What a key is made of. */
export type Resource = Pick<HttpRequest, 'scheme' | 'authority' | 'url' | 'fields'>

/** Makes the keys of responses. */
export class ResponseKeys {
  readonly #prefix: string
  /** The authority last seen, and what it is in a key: most services have one. */
  #authority: string | undefined
  #host: string | undefined
  readonly #isIgnored: ((parameter: string) => boolean) | undefined

  /** @param ignoreQuery Globs of query parameters that change nothing, such as `utm_*`. */
  constructor(prefix: string, ignoreQuery: readonly string[] = []) {
    this.#prefix = prefix
    const globs = ignoreQuery.map((glob) => compileGlob(glob))
    this.#isIgnored = globs.length === 0 ? undefined : (parameter) => globs.some((matches) => matches(parameter))
  }

  /**
   * The key of a resource: scheme, authority, path and query as they were sent, with the parameters in the order of
   * their names. `undefined` when the authority is none.
   */
  of({ scheme, authority, url, fields }: Resource): string | undefined {
    if (authority !== this.#authority) {
      this.#authority = authority
      this.#host = /^[\w.:[\]~%-]*$/.test(authority) ? authority.toLowerCase() : undefined
    }
    if (this.#host === undefined) return undefined
    let key = `${this.#prefix}:${scheme}://${withoutPort(this.#host, scheme)}${this.#normalized(url)}`
    for (const name of UNKEYED) {
      const value = fields[name]
      if (value !== undefined) key += ` ${name}=${lineOf(value)}` // No URL holds a space.
    }
    return key.length > LONGEST ? `${key.slice(0, LONGEST - 44)} ${sha256(key)}` : key
  }

  #normalized(url: string): string {
    const at = url.indexOf('?')
    if (at < 0 || (this.#isIgnored === undefined && !url.includes('&', at))) return url
    const parameters = url.slice(at + 1).split('&')
    const kept = this.#isIgnored ? parameters.filter((pair) => !this.#isIgnored?.(nameOf(pair))) : parameters
    // Stable: parameters of one name stay in their order.
    const sorted = kept.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0))
    return sorted.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${sorted.join('&')}`
  }
}

/** An authority without the port that goes without saying. */
function withoutPort(host: string, scheme: string): string {
  const port = scheme === 'https' ? ':443' : ':80'
  return host.endsWith(port) ? host.slice(0, -port.length) : host
}

function nameOf(parameter: string): string {
  return parameter.split('=', 1)[0] as string
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
