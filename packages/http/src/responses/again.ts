import { IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

const refreshes = new WeakSet<IncomingMessage>()

/** Whether a request is one that {@link runAgain} made. */
export function isRefresh(request: IncomingMessage): boolean {
  return refreshes.has(request)
}

const HTTP_1_1 = { httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1 }

/** Writes nowhere. */
const drop = (_chunk: unknown, _encoding: unknown, taken: () => void): void => taken()

/** Repeats a request on a handler, without a client. Resolves when the response has ended. */
export function runAgain(listener: RequestListener, request: IncomingMessage): Promise<void> {
  const socket = Object.assign(new Socket(), { _write: drop, _writev: undefined })
  Object.defineProperty(socket, 'remoteAddress', { value: request.socket.remoteAddress })
  if ('encrypted' in request.socket) Object.defineProperty(socket, 'encrypted', { value: true })
  const again = new IncomingMessage(socket)
  const { originalUrl } = request as { readonly originalUrl?: string }
  const { 'if-none-match': _, 'if-modified-since': __, range: ___, ...headers } = request.headers
  const url = originalUrl ?? request.url
  const rawHeaders = Object.entries(headers).flatMap(([name, lines = []]) =>
    [lines].flat().flatMap((line) => [name, line]),
  )
  Object.assign(again, { ...HTTP_1_1, method: 'GET', url, headers, rawHeaders, complete: true })
  again.push(null)
  refreshes.add(again)
  const response = new ServerResponse(again)
  response.assignSocket(socket)
  return new Promise((resolve) => {
    response.once('finish', resolve).once('close', resolve)
    listener(again, response as Parameters<RequestListener>[1])
  })
}
