import { IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

const refreshes = new WeakSet<IncomingMessage>()

/** Whether a request repeats another one. */
export function isRefresh(request: IncomingMessage): boolean {
  return refreshes.has(request)
}

/** Writes nowhere. */
const drop = (_chunk: unknown, _encoding: unknown, taken: () => void): void => taken()

/** A connection that is never full: it is its server that would tell a response to go on, and a repetition has none. */
function nowhere(): Socket {
  const options = { writableHighWaterMark: Number.MAX_SAFE_INTEGER } as ConstructorParameters<typeof Socket>[0]
  return Object.assign(new Socket(options), { _write: drop, _writev: undefined })
}

/**
 * Prepares to repeat a request on a handler, without a client. What is returned does it, and resolves when the response has
 * ended. The connection is asked now: once its client has left, a request of HTTP/2 has none.
 */
export function repetitionOf(listener: RequestListener, request: IncomingMessage): () => Promise<void> {
  const { remoteAddress } = request.socket
  const isEncrypted = 'encrypted' in request.socket
  return () => {
    const socket = nowhere()
    Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress })
    if (isEncrypted) Object.defineProperty(socket, 'encrypted', { value: true })
    return repeat(listener, request, socket)
  }
}

function repeat(listener: RequestListener, request: IncomingMessage, socket: Socket): Promise<void> {
  const again = new IncomingMessage(socket)
  const { httpVersion, httpVersionMajor, httpVersionMinor } = request
  const { originalUrl } = request as { readonly originalUrl?: string }
  const { 'if-none-match': _, 'if-modified-since': __, range: ___, ...headers } = request.headers
  const url = originalUrl ?? request.url
  const rawHeaders = Object.entries(headers).flatMap(([name, lines = []]) =>
    [lines].flat().flatMap((line) => [name, line]),
  )
  const version = { httpVersion, httpVersionMajor, httpVersionMinor }
  Object.assign(again, { ...version, method: 'GET', url, headers, rawHeaders, complete: true })
  again.push(null)
  refreshes.add(again)
  const response = new ServerResponse(again)
  response.assignSocket(socket)
  return new Promise((resolve) => {
    // As a server does: handlers give back at the close what they have taken.
    response
      .once('finish', () => socket.destroy())
      .once('close', () => {
        again.resume()
        resolve()
      })
    listener(again, response as Parameters<RequestListener>[1])
  })
}
