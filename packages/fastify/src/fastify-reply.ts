import { Buffer } from 'node:buffer'
import { finished, Readable, Transform } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { type Body, type Exchange, headerOf, type Reply, sizeOfBody } from '@cashews/http'
import type { FastifyReply } from 'fastify'

/** Whether the content of a reply is streamed. */
export function isStream(content: unknown): content is Readable {
  return typeof (content as Readable | null | undefined)?.pipe === 'function'
}

/** Whether Fastify sends this. It refuses anything else, and the answer to that error is treated like any other. */
export function isSendable(content: unknown): boolean {
  return typeof (content ?? '') === 'string' || content instanceof Uint8Array || isStream(content)
}

/** The content as the rules see it; `undefined` when it is streamed. */
export function bodyOf(content: unknown): Body | undefined {
  return isStream(content) ? undefined : ((content ?? '') as Body)
}

/** The content of a payload. Copies status and header of a web `Response` to the reply, and converts web streams. */
export function unwrapped(reply: FastifyReply, payload: unknown): unknown {
  let content = payload
  if (content instanceof Response) {
    reply.code(content.status)
    for (const [name, value] of content.headers) reply.header(name, value)
    content = content.body
  }
  const isWeb = typeof (content as Partial<ReadableStream> | null | undefined)?.getReader === 'function'
  return isWeb ? Readable.fromWeb(content as ReadableStream) : content
}

/** A reply as the rules see it. */
export function saidOf(reply: FastifyReply, body: Body | undefined): Reply {
  return { status: reply.statusCode, fields: headerOf(reply.getHeaders()), body }
}

/** Replaces status and header of a reply. */
export function put(reply: FastifyReply, said: Reply, answer: Reply): void {
  if (answer === said) return
  reply.code(answer.status)
  for (const name of Object.keys(said.fields)) if (!(name in answer.fields)) reply.removeHeader(name)
  for (const [name, value] of Object.entries(answer.fields)) {
    if (value === said.fields[name]) continue
    reply.removeHeader(name) // For `set-cookie`, `header` would append.
    reply.header(name, value)
  }
}

/** Sends a complete reply. Fields that were set for this request before, such as cookies, stay. */
export function send(reply: FastifyReply, { status, fields, body, removed = [] }: Reply): void {
  for (const name of removed) reply.removeHeader(name)
  if (status === 304) reply.removeHeader('content-type')
  reply.code(status)
  reply.headers(fields)
  reply.send(body && fields['content-type'] === undefined ? untyped(reply, body) : body || undefined)
}

/** Content as the last step of a reply takes it: text or a Buffer. Some stores return plain bytes. */
export function payloadOf(body: Body | undefined): string | Buffer | undefined {
  if (body === undefined || typeof body === 'string') return body
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}

/** Content as a stream, because Fastify makes up a type for text and bytes that have none. */
function untyped(reply: FastifyReply, body: Body): Readable {
  reply.header('content-length', sizeOfBody(body))
  return Readable.from([body], { objectMode: false })
}

/** The same stream, recorded by the exchange while it is read. */
export function recorded(source: Readable, exchange: Exchange): Readable {
  const recorder = new Transform({
    transform(chunk, _encoding, next) {
      exchange.chunk(chunk)
      next(null, chunk)
    },
    flush(next) {
      exchange.finish()
      next()
    },
    destroy(error, next) {
      exchange.abort()
      source.destroy(error ?? undefined)
      next(error)
    },
  })
  finished(source, { writable: false }, (error) => {
    if (error) recorder.destroy(error)
  })
  return source.pipe(recorder)
}
