import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { RequestFields } from './field.ts'

/** What the rules need to know of a request. */
export interface HttpRequest<R = unknown> {
  /** In upper case, such as `GET`. */
  readonly method: string
  /** Path and query, as sent. */
  readonly url: string
  /** `http` or `https`. */
  readonly scheme: string
  /** Host and port that the client addressed. */
  readonly authority: string
  /** The header fields, by their names in lower case. */
  readonly fields: RequestFields
  /** The address the request came from. */
  readonly client: string | undefined
  /** The framework's own request, with what earlier hooks and middlewares have added: `request.raw.user`. */
  readonly raw: R
  /** The path of its route as declared, such as `/products/:id`, if the framework tells it. */
  readonly route?: string | undefined
  /** Whether it brings content that its fields may not tell of: see {@link bringsContent}. @default false */
  readonly hasContent?: boolean | undefined
}

/**
 * A function of a request. Declared as a method so that, by bivariance, one for the requests of an adapter fits too.
 */
export type Asked<R, More extends readonly unknown[], T> = {
  method(request: HttpRequest<R>, ...more: More): T
}['method']

/** Describes a request of `node:http` or `node:http2`. */
export function requestOf(raw: IncomingMessage): HttpRequest<IncomingMessage> {
  const { originalUrl } = raw as { readonly originalUrl?: string } // Routers shorten `url`.
  return {
    method: raw.method ?? 'GET',
    url: originalUrl ?? raw.url ?? '/',
    scheme: 'encrypted' in raw.socket ? 'https' : 'http',
    authority: authorityOf(raw.headers),
    fields: raw.headers,
    client: raw.socket.remoteAddress,
    raw,
    hasContent: bringsContent(raw),
  }
}

/** Whether content follows the header of a request of HTTP/2, where no field has to announce it. */
export function bringsContent(raw: IncomingMessage): boolean {
  const { stream } = raw as { readonly stream?: { readonly endAfterHeaders: boolean } }
  return stream?.endAfterHeaders === false
}

/** Status, header and content, as sent or stored. */
export interface Reply {
  /** The status code. */
  readonly status: number
  /** The header fields, by their names in lower case. */
  readonly fields: Record<string, string | string[]>
  /** `undefined`: it is a stream. */
  readonly body: string | Uint8Array | undefined
  /** Fields that are not sent although they were set before. */
  readonly removed?: readonly string[] | undefined
}

/**
 * The host that a request is for. HTTP/2 has it in `:authority`, and may have no `Host`. A request that names two hosts is
 * malformed (RFC 9113 §8.3.1), and so is the result: what is stored for one of them could have been made for the other.
 */
function authorityOf(headers: IncomingHttpHeaders): string {
  const { host, ':authority': authority = host ?? '' } = headers as Record<string, string | undefined>
  return host === undefined || host === authority ? authority : `${authority} ${host}`
}

/** Whether a method is safe (RFC 9110 §9.2.1). */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE'
}

/** Whether a method asks for a representation, which may be a stored one. */
export function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
