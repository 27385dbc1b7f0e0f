import { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import type { Exchange } from './exchange.ts'
import { sizeOfBody } from './responses/stored-response.ts'
import { OF_CONTENT } from './rules/conditional.ts'
import type { Body } from './rules/etag.ts'
import type { Reply } from './rules/request.ts'

/** Header values as Node and its frameworks hold them. */
type HeaderValues = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** The header of a response so far, as the rules read it. */
export function headerOf(headers: HeaderValues): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) fields[name.toLowerCase()] = Array.isArray(value) ? value.map(String) : String(value)
  return fields
}

/** Replaces the header of a response by that of a reply. */
function putHeader(response: ServerResponse, reply: Reply): void {
  for (const name of response.getHeaderNames())
    if (name === 'set-cookie' || !(name in reply.fields)) response.removeHeader(name)
  addHeader(response, reply)
}

/** Merges the header of a reply into that of a response. Cookies add up. */
function addHeader(response: ServerResponse, { status, fields }: Reply): void {
  if (response.statusCode !== status) response.statusMessage = '' // Node fills in the reason phrase of the status.
  response.statusCode = status
  for (const [name, value] of Object.entries(fields))
    if (name === 'set-cookie') response.appendHeader(name, value)
    else response.setHeader(name, value)
}

/** Calls back when a response is closed: at once if it already is, because its event does not come again. */
export function onceClosed(response: ServerResponse, callback: () => void): void {
  const { closed = (response as OfHttp2).stream?.closed } = response as { readonly closed?: boolean }
  if (closed) callback()
  else response.once('close', callback)
}

/** Where a response of `node:http2` has its `closed`. */
type OfHttp2 = { readonly stream?: { readonly closed: boolean } }

/** Sends a complete reply. Fields that were set for this request before, such as cookies, stay. */
export function send(response: ServerResponse, reply: Reply): void {
  for (const name of reply.removed ?? []) response.removeHeader(name)
  if (reply.status === 304) for (const name of OF_CONTENT) response.removeHeader(name)
  // Node computes the length of what it sends, which is nothing for HEAD.
  const isUnsent = response.req.method === 'HEAD' && Boolean(reply.body)
  addHeader(response, isUnsent ? { ...reply, fields: measured(reply) } : reply)
  response.end(reply.body || undefined)
}

/**
 * Lets an exchange observe and change what a handler sends. The header is held back until the first part of the
 * content, which shows whether that is all of it.
 */
export function listenIn(response: ServerResponse, exchange: Exchange): void {
  const { writeHead, write, end, flushHeaders } = response
  let state: 'open' | 'held' | 'sending' | 'swallowing' | 'replaced' | 'ended' = 'open'
  let isEnding = false
  /** The content that is sent in place of the one being swallowed. */
  let replacement: Body | undefined

  /** Makes the handler believe that the held-back header is sent. */
  const hold = () => Object.defineProperty(response, 'headersSent', { value: true, configurable: true })
  const letGo = () => Reflect.deleteProperty(response, 'headersSent')

  /** Decides what to send. Returns whether that is the handler's own content. */
  const decide = (body: Body | undefined): boolean => {
    const said: Reply = { status: response.statusCode, fields: headerOf(response.getHeaders()), body }
    const reply = exchange.head(said)
    state = 'sending'
    letGo()
    if (reply === said) return true
    const isOwn = reply.body === body
    putHeader(response, isOwn ? reply : { ...reply, fields: measured(reply) })
    if (isOwn) return true
    if (body === undefined) swallow(reply.body)
    else {
      state = 'replaced'
      conclude(reply.body ? [reply.body] : [])
      finish()
    }
    return false
  }

  /**
   * Replaces what the handler will go on to write. It is sent when the handler ends: what pipes a stream into a response
   * breaks off when that ends early.
   */
  const swallow = (instead: Body | undefined): void => {
    state = 'swallowing'
    replacement = instead
    exchange.abort()
    hold()
  }

  /** Ends the response now. `end` of HTTP/2 calls `write`. */
  const endNow = (args: unknown[]): void => {
    isEnding = true
    Reflect.apply(end, response, args)
    isEnding = false
  }

  /**
   * Ends the response once the invalidation is done: a client that has it must not be answered from the store again.
   */
  const conclude = (args: unknown[]): void => {
    const { forgetting } = exchange
    if (!forgetting) {
      endNow(args)
      return
    }
    state = 'replaced'
    hold()
    forgetting
      .then(() => {
        letGo()
        endNow(args)
      })
      .catch((error) => response.destroy(error)) // There is no handler left to throw it to.
  }
  const finish = () => exchange.finish(() => headerOf(response.getHeaders()))

  response.writeHead = ((status: number, ...rest: unknown[]) => {
    if (state === 'held' || state === 'swallowing') throw headerIsSent()
    if (state !== 'open' || !isStatus(status))
      return Reflect.apply(writeHead, response, state === 'replaced' ? [response.statusCode] : [status, ...rest])
    response.statusCode = status
    if (typeof rest[0] === 'string') response.statusMessage = rest.shift() as string
    putGiven(response, rest[1] ?? rest[0]) // Node takes undefined for the reason phrase, too.
    state = 'held'
    hold()
    return response
  }) as typeof writeHead
  response.flushHeaders = () => {
    if (state === 'open' || state === 'held' ? decide(undefined) : state === 'sending') flushHeaders.call(response)
  }
  response.write = ((chunk: unknown, ...rest: unknown[]) => {
    if (isEnding) return Reflect.apply(write, response, [chunk, ...rest])
    const isFirst = state === 'open' || state === 'held'
    if (isFirst && !isSendable(response, chunk)) return Reflect.apply(write, response, [chunk, ...rest])
    const part = bodyOf(chunk, rest[0])
    if (state === 'swallowing' || state === 'replaced' || (isFirst && !decide(undefined))) return done(rest)
    exchange.chunk(part)
    return Reflect.apply(write, response, [chunk, ...rest])
  }) as typeof write
  response.end = ((...args: unknown[]) => {
    if (state === 'swallowing') {
      state = 'replaced'
      letGo()
      conclude([replacement, args.find(isFunction)].filter(Boolean))
      return response
    }
    const content = typeof args[0] === 'function' ? '' : args[0] || '' // Node leaves out what is falsy.
    const isWhole = state === 'open' || state === 'held'
    if (isWhole && !isSendable(response, content)) return Reflect.apply(end, response, args)
    const body = bodyOf(content, args[1])
    if (state === 'replaced' || (isWhole && !decide(body))) {
      done(args)
      return response
    }
    const isSent = state === 'sending'
    if (!isWhole && isSent) exchange.chunk(body)
    state = 'ended'
    conclude(args)
    if (isSent) finish() // Only now is the header final.
    return response
  }) as typeof end
  onceClosed(response, () => {
    if (state === 'open' || state === 'held') exchange.clientLeft()
    else exchange.abort()
  })
}

/**
 * Whether Node sends this. What it refuses is passed on to it before anything is decided: it throws, and the answer to
 * that error is treated like any other.
 */
function isSendable({ statusCode }: ServerResponse, chunk: unknown): boolean {
  return isStatus(statusCode) && (typeof chunk === 'string' || chunk instanceof Uint8Array)
}

function isStatus(status: number): boolean {
  return status >= 100 && status <= 999
}

/** What Node throws at a handler that writes a second header. Node itself does not know of one that is held back. */
function headerIsSent(): Error {
  const error = new Error('Cannot write headers after they are sent to the client')
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}

/** Adds the length of the content, which Node does not do again once it was removed. */
function measured({ status, fields, body = '' }: Reply): Reply['fields'] {
  const { 'content-length': _, ...others } = fields
  return status === 204 || status === 304 ? others : { ...others, 'content-length': String(sizeOfBody(body)) }
}

function isFunction(argument: unknown): argument is () => void {
  return typeof argument === 'function'
}

/** Calls the callback among the arguments, if there is one. */
function done(args: readonly unknown[]): true {
  const callback = args.find(isFunction)
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
