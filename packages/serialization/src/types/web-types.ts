import { Readable } from 'node:stream'
import { checkKnown, checkRange } from '@cashews/core'
import { registerType } from './custom-types.ts'

/** Settings of {@link registerResponse} and {@link registerStreams}. */
export interface BodyOptions {
  /** The most bytes of a body or stream; larger ones fail to be stored. @default 8_388_608 (8 MiB) */
  readonly maxBytes?: number | undefined
}

const MOST_BYTES = 8 * 1024 ** 2

/** The stored content of a response. */
interface StoredResponse {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly (readonly [string, string])[]
  readonly url: string
  readonly body: Uint8Array<ArrayBuffer> | null
}

/**
 * Lets values contain a `Response` of `fetch`: its status, headers, URL and body, which is read to its end from a
 * clone, so that the caller's response stays unread. A response whose body was already read cannot be stored.
 *
 * A response can be read only once, and callers that share a load share its response: each should read a `clone()`.
 */
export function registerResponse(options: BodyOptions = {}): void {
  const maxBytes = mostBytesOf('registerResponse', options)
  registerType(Response, {
    id: 'cashews/response',
    async encode(response): Promise<StoredResponse> {
      const { status, statusText, url } = response
      if (status === 0) throw new Error('a Response of status 0 represents a network error')
      if (response.bodyUsed) throw new Error('the body of the Response has already been read')
      const { headers, body } = response.clone()
      return {
        status,
        statusText,
        url,
        headers: [...headers],
        body: body === null ? null : await readAll(body, maxBytes),
      }
    },
    decode({ status, statusText, headers, url, body }) {
      const response = new Response(body, {
        status,
        statusText,
        headers: headers.map(([name, value]) => [name, value]),
      })
      return Object.defineProperty(response, 'url', { value: String(url), configurable: true })
    },
  })
}

/**
 * Lets values contain web and Node streams of bytes or text: they are read to their end, and restored as streams of the
 * same bytes. Storing a stream consumes it. To keep it readable for the caller, wrap it in a `Response` and use {@link
 * registerResponse}.
 */
export function registerStreams(options: BodyOptions = {}): void {
  const maxBytes = mostBytesOf('registerStreams', options)
  registerType(ReadableStream, {
    id: 'cashews/web-stream',
    async encode(stream): Promise<{ bytes: Uint8Array<ArrayBuffer> }> {
      if (stream.locked) throw new Error('the stream is already being read')
      return { bytes: await readAll(stream, maxBytes) }
    },
    decode({ bytes }) {
      return new Blob([bytes]).stream()
    },
  })
  registerType(Readable, {
    id: 'cashews/node-stream',
    subclasses: true,
    async encode(stream): Promise<{ bytes: Uint8Array<ArrayBuffer>; encoding: string | null }> {
      if (stream.readableDidRead) throw new Error('the stream is already being read')
      const { readableEncoding: encoding } = stream
      return { bytes: await readAll(stream, maxBytes), encoding }
    },
    decode({ bytes, encoding }) {
      const stream = Readable.from([bytes], { objectMode: false })
      return encoding === null ? stream : stream.setEncoding(encoding as BufferEncoding)
    },
  })
}

/** @throws {ConfigurationError} When an option is unknown, or is not a number of bytes. */
function mostBytesOf(what: string, options: BodyOptions): number {
  checkKnown(what, options, ['maxBytes'])
  const { maxBytes = MOST_BYTES } = options
  checkRange({ maxBytes }, 1)
  return maxBytes
}

async function readAll(stream: AsyncIterable<unknown>, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const iterator = stream[Symbol.asyncIterator]()
  const chunks: Buffer[] = []
  let size = 0
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      const bytes = bytesOf(next.value)
      size += bytes.length
      if (size > maxBytes) throw new Error(`the stream is longer than ${maxBytes} bytes`)
      chunks.push(bytes)
    }
  } catch (error) {
    // Not awaited, unlike in `for await`: cancelling one branch of a clone only completes with the caller's branch.
    iterator.return?.().catch(() => {})
    throw error
  }
  return Buffer.concat(chunks)
}

function bytesOf(chunk: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  throw new Error('the stream yields neither bytes nor text')
}
