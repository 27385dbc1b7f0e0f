import { Readable } from 'node:stream'
import { registerType } from './custom-types.ts'

/** Settings of {@link registerResponse} and {@link registerStreams}. */
export interface BodyOptions {
  /** The most bytes that are read of a body or stream; more fail the write. @default 8_388_608 (8 MB) */
  readonly maxBytes?: number
}

const MOST_BYTES = 8 * 1024 ** 2

/** What is kept of a response. */
interface StoredResponse {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly (readonly [string, string])[]
  readonly url: string
  readonly body: Uint8Array<ArrayBuffer> | null
}

/**
 * Lets values hold the `Response` of fetch: status, headers, URL and body, which is read to its end. The caller's
 * response stays unread, because a clone of it is kept. One whose body was read before it is written cannot be.
 *
 * A response is read once. Callers that share one load share its response too: each reads a `clone()` of his own.
 */
export function registerResponse({ maxBytes = MOST_BYTES }: BodyOptions = {}): void {
  registerType(Response, {
    id: 'cashews/response',
    async encode(response): Promise<StoredResponse> {
      const { status, statusText, url } = response
      if (status === 0) throw new Error('a Response of status 0 stands for an error of the network')
      if (response.bodyUsed) throw new Error('the body of the Response was read already')
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
 * Lets values hold streams of bytes or text, those of the web and those of Node: they are read to their end, and come back
 * as streams of the same bytes. To write one uses it up, as any reading does: when the caller wants it too, give him a
 * `Response` of it and use {@link registerResponse}.
 */
export function registerStreams({ maxBytes = MOST_BYTES }: BodyOptions = {}): void {
  registerType(ReadableStream, {
    id: 'cashews/web-stream',
    async encode(stream): Promise<{ bytes: Uint8Array<ArrayBuffer> }> {
      if (stream.locked) throw new Error('somebody reads the stream already')
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
      if (stream.readableDidRead) throw new Error('somebody reads the stream already')
      const { readableEncoding: encoding } = stream
      return { bytes: await readAll(stream, maxBytes), encoding }
    },
    decode({ bytes, encoding }) {
      const stream = Readable.from([bytes], { objectMode: false })
      return encoding === null ? stream : stream.setEncoding(encoding as BufferEncoding)
    },
  })
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
    // Not awaited, as `for await` would: half of a clone ends only when the caller's half does.
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
