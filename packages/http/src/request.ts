import type { IncomingMessage } from 'node:http'
import type { RequestFields } from './field.ts'

/** What the rules need to know of a request. */
export interface HttpRequest<R = unknown> {
  readonly method: string
  /** Path and query, as they were sent. */
  readonly url: string
  readonly scheme: string
  /** Host and port the client asked. */
  readonly authority: string
  readonly fields: RequestFields
  /** The address the request came from. */
  readonly client: string | undefined
  /** The request as the framework has it, with what hooks and middlewares before have found out: `request.raw.user`. */
  readonly raw: R
  /** The path of its route as the application wrote it, such as `/products/:id`; absent where there is none. */
  readonly route?: string | undefined
}

/**
 * A function of a request whose framework's kind the rules do not know: where it is set, it takes that of an adapter.
 */
export type Asked<R, More extends readonly unknown[], T> = {
  method(request: HttpRequest<R>, ...more: More): T
}['method']

/** Describes a request of `node:http`. */
export function requestOf(raw: IncomingMessage): HttpRequest<IncomingMessage> {
  const { originalUrl } = raw as { readonly originalUrl?: string } // Routers cut `url` down.
  return {
    method: raw.method ?? 'GET',
    url: originalUrl ?? raw.url ?? '/',
    scheme: 'encrypted' in raw.socket ? 'https' : 'http',
    authority: raw.headers.host ?? '',
    fields: raw.headers,
    client: raw.socket.remoteAddress,
    raw,
  }
}

/** A header and a content, as they are sent or stored. */
export interface Reply {
  readonly status: number
  readonly fields: Record<string, string | string[]>
  /** Absent: it is not known, because it is a stream. */
  readonly body: string | Uint8Array | undefined
}

/** Whether a request can only read. */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE'
}

/** Whether a request asks for a representation, which may be a stored one. */
export function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
