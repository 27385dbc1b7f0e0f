import { createHash } from 'node:crypto'
import { compileGlob } from '@cashews/core'
import type { HttpRequest } from '../rules/request.ts'

/** Longer keys are cut, and end in a hash of the whole. */
const LONGEST = 512

/**
 * Fields that may influence a proxy or a framework. They are part of the key, so that a client cannot poison the
 * entries of others with them.
 */
const UNKEYED = [
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-host',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'forwarded',
]

/** What a key is computed from. */
export type Resource = Pick<HttpRequest, 'scheme' | 'authority' | 'url' | 'fields'>

/** Computes the keys of responses. */
export class ResponseKeys {
  readonly #prefix: string
  /** The last authority and its form in keys, remembered because most services have only one. */
  #authority: string | undefined
  #host: string | undefined
  readonly #isIgnored: ((parameter: string) => boolean) | undefined

  /** @param ignoreQuery Globs of query parameters that do not affect the response, such as `utm_*`. */
  constructor(prefix: string, ignoreQuery: readonly string[] = []) {
    this.#prefix = prefix
    const globs = ignoreQuery.map((glob) => compileGlob(glob))
    this.#isIgnored = globs.length === 0 ? undefined : (parameter) => globs.some((matches) => matches(parameter))
  }

  /**
   * The key of a resource: scheme, authority, path and query as sent, with the parameters sorted by name unless there
   * is a semicolon. `undefined` when the authority is malformed.
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
      if (value !== undefined && value !== repeated(name, scheme, this.#host))
        key += ` ${name}=${JSON.stringify(value)}` // A space cannot be part of a URL.
    }
    return key.length > LONGEST ? `${key.slice(0, LONGEST - 44)} ${sha256(key)}` : key
  }

  #normalized(url: string): string {
    const at = url.indexOf('?')
    if (at < 0 || (this.#isIgnored === undefined && !url.includes('&', at))) return url
    if (url.includes(';', at)) return url // To some parsers it separates parameters.
    const parameters = url.slice(at + 1).split('&')
    const named = parameters.map((parameter) => ({ parameter, name: nameOf(parameter) }))
    const kept = this.#isIgnored ? named.filter(({ name }) => !this.#isIgnored?.(name)) : named
    // The sort is stable: parameters of the same name stay in order.
    const sorted = kept.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    const query = sorted.map(({ parameter }) => parameter).join('&')
    return sorted.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${query}`
  }
}

/** An authority without the default port of the scheme. */
function withoutPort(host: string, scheme: string): string {
  const port = scheme === 'https' ? ':443' : ':80'
  return host.endsWith(port) ? host.slice(0, -port.length) : host
}

/** The value with which a field merely repeats scheme and host, as it does behind a trusted proxy. */
function repeated(field: string, scheme: string, host: string): string | undefined {
  switch (field) {
    case 'x-forwarded-proto':
    case 'x-forwarded-scheme':
      return scheme
    case 'x-forwarded-host':
    case 'x-host':
      return host
    case 'x-forwarded-port':
      return /:(\d+)$/.exec(host)?.[1] ?? (scheme === 'https' ? '443' : '80')
    default:
      return undefined
  }
}

/** The decoded name of a parameter up to a bracket or dot: parameters that a framework may merge share it. */
function nameOf(parameter: string): string {
  const name = parameter.split('=', 1)[0] as string
  return decoded(name).split(/[[.]/, 1)[0] as string
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
