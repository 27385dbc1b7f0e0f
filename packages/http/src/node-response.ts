import { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import { OF_CONTENT } from './conditional.ts'
import type { Body } from './etag.ts'
import type { Exchange } from './exchange.ts'
import type { Reply } from './request.ts'
import { sizeOfBody } from './stored-response.ts'

/** Header values as Node and its frameworks hold them. */
type HeaderValues = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** The header of a response so far, as the rules read it. */
export function headerOf(headers: HeaderValues): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) fields[name.toLowerCase()] = Array.isArray(value) ? value.map(String) : String(value)
  return fields
}

/** Makes the header of a response that of a reply, and nothing else. */
function putHeader(response: ServerResponse, reply: Reply): void {
  for (const name of response.getHeaderNames()) if (!(name in reply.fields)) response.removeHeader(name)
  addHeader(response, reply)
}

/** Puts the header of a reply over what is there. */
function addHeader(response: ServerResponse, { status, fields }: Reply): void {
  if (response.statusCode !== status) response.statusMessage = '' // Node finds the one that belongs to the status.
  response.statusCode = status
  for (const [name, value] of Object.entries(fields)) response.setHeader(name, value)
}

/** Calls back when a response is closed: at once when its client has already left, as no event tells then. */
export function onceClosed(response: ServerResponse, callback: () => void): void {
  const { closed = (response as OfHttp2).stream?.closed } = response as { readonly closed?: boolean }
  if (closed) callback()
  else response.once('close', callback)
}

/** What `node:http2` has in place of `closed`. */
type OfHttp2 = { readonly stream?: { readonly closed: boolean } }

/** Sends a whole reply. What was set for this request before, such as a cookie, stays. */
export function send(response: ServerResponse, reply: Reply): void {
  if (reply.status === 304) for (const name of OF_CONTENT) response.removeHeader(name)
  // Node measures what it sends, and to HEAD it sends nothing.
  const isUnsent = response.req.method === 'HEAD' && Boolean(reply.body)
  addHeader(response, isUnsent ? { ...reply, fields: measured(reply) } : reply)
  response.end(reply.body || undefined)
}

/**
 * Lets an exchange see and change what a handler sends. The header is held back until the first part of the content is
 * there: only then is it known whether that is all of it.
 */
export function listenIn(response: ServerResponse, exchange: Exchange): void {
  const { writeHead, write, end, flushHeaders } = response
  let state: 'open' | 'held' | 'sending' | 'replaced' | 'ended' = 'open'

  /** Says that the header is sent, as the handler has to believe, until Node knows it itself. */
  const hold = () => Object.defineProperty(response, 'headersSent', { value: true, configurable: true })
  const letGo = () => Reflect.deleteProperty(response, 'headersSent')

  /** Decides what is sent. Answers whether the handler's own content is. */
  const decide = (body: Body | undefined): boolean => {
    const said: Reply = { status: response.statusCode, fields: headerOf(response.getHeaders()), body }
    const reply = exchange.head(said)
    state = 'sending'
    letGo()
    if (reply === said) return true
    const isOwn = reply.body === body
    putHeader(response, isOwn ? reply : { ...reply, fields: measured(reply) })
    if (isOwn) return true
    state = 'replaced'
    conclude(reply.body ? [reply.body] : [])
    if (body !== undefined) finish()
    return false
  }

  /** Ends the response, once what it changed is forgotten: who has it in hand asks anew, and is to get what is new. */
  const conclude = (args: unknown[]): void => {
    const { forgetting } = exchange
    if (!forgetting) {
      Reflect.apply(end, response, args)
      return
    }
    state = 'replaced'
    hold()
    forgetting.then(() => {
      letGo()
      Reflect.apply(end, response, args)
    })
  }
  const finish = () => exchange.finish(() => headerOf(response.getHeaders()))

  response.writeHead = ((status: number, ...rest: unknown[]) => {
    if (state !== 'open')
      return Reflect.apply(writeHead, response, state === 'replaced' ? [response.statusCode] : [status, ...rest])
    response.statusCode = status
    if (typeof rest[0] === 'string') response.statusMessage = rest.shift() as string
    putGiven(response, rest[0])
    state = 'held'
    hold()
    return response
  }) as typeof writeHead
  response.flushHeaders = () => {
    if (state === 'open' || state === 'held') decide(undefined)
    flushHeaders.call(response)
  }
  response.write = ((chunk: unknown, ...rest: unknown[]) => {
    if ((state === 'open' || state === 'held') && !decide(undefined)) return done(rest)
    if (state === 'replaced') return done(rest)
    exchange.chunk(bodyOf(chunk, rest[0]))
    return Reflect.apply(write, response, [chunk, ...rest])
  }) as typeof write
  response.end = ((...args: unknown[]) => {
    const [chunk, encoding] = args
    const body = chunk === undefined || chunk === null || typeof chunk === 'function' ? '' : bodyOf(chunk, encoding)
    const isWhole = state === 'open' || state === 'held'
    if (state === 'replaced' || (isWhole && !decide(body))) {
      done(args)
      return response
    }
    const isSent = state === 'sending'
    if (!isWhole && isSent) exchange.chunk(body)
    state = 'ended'
    conclude(args)
    if (isSent) finish() // Now that the header is sent.
    return response
  }) as typeof end
  onceClosed(response, () => {
    if (state === 'sending' || state === 'replaced') exchange.abort()
    else if (state === 'open' || state === 'held') exchange.clientLeft()
  })
}

/** The header with the length of the content; Node would leave it out once it was taken away. */
function measured({ status, fields, body = '' }: Reply): Reply['fields'] {
  const { 'content-length': _, ...others } = fields
  return status === 304 ? others : { ...others, 'content-length': String(sizeOfBody(body)) }
}

/** Calls the callback among the arguments, if there is one. */
function done(args: readonly unknown[]): true {
  const callback = args.find((argument) => typeof argument === 'function')
  if (callback) process.nextTick(callback)
  return true
}

function bodyOf(chunk: unknown, encoding: unknown): Body {
  if (typeof chunk !== 'string') return chunk as Uint8Array
  return typeof encoding !== 'string' || /^utf-?8$/i.test(encoding) ? chunk : Buffer.from(chunk, encoding as 'latin1')
}

/** Sets the fields that `writeHead` was given, as Node does: an object, or names and values in turn or in pairs. */
function putGiven(response: ServerResponse, headers: unknown): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value)
    return
  }
  const inTurn: string[] = Array.isArray(headers[0]) ? headers.flat() : headers
  const fields = inTurn.flatMap((name, at) => (at % 2 === 0 ? [[name, inTurn[at + 1] as string] as const] : []))
  for (const [name] of fields) response.removeHeader(name)
  for (const [name, value] of fields) response.appendHeader(name, value)
}
