import { Buffer } from 'node:buffer'
import type { Body } from './etag.ts'
import type { Fields } from './field.ts'
import type { Reply } from './request.ts'
import { announcedLength, sizeOfBody } from './stored-response.ts'

/** How long others wait for a response that has begun: its end depends on how fast its client reads, in milliseconds. */
const PATIENCE = 1_000

/** How a recording ended: it is whole, or the response may not be kept, or it was never finished. */
export type Ending = 'whole' | 'refused' | 'aborted'

/**
 * A response, written down while it is sent. What the handler says is what counts: it is whole when the handler ended
 * it, at its announced length, whether or not a client was still there to receive it.
 */
export class Recorder {
  /** Resolves when nothing more is recorded. Never rejects. */
  readonly ended: Promise<Ending>
  /** Resolves when the content comes in parts and is not complete {@link PATIENCE} after the header. */
  readonly dragging: Promise<'dragging'>
  readonly #maxBytes: number
  #chunks: Body[] = []
  #bytes = 0
  #reply: Reply | undefined
  #end!: (ending: Ending) => void
  #drag!: (dragging: 'dragging') => void
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.dragging = new Promise((resolve) => {
      this.#drag = resolve
    })
  }

  /** Whether anything more has to be told. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The header as it was noted. */
  get fields(): Fields {
    return this.#reply?.fields ?? {}
  }

  /** What was recorded, once it is whole. */
  get whole(): Reply & { readonly body: Body } {
    const [first = '', ...others] = this.#chunks
    const body = others.length === 0 ? first : Buffer.concat(this.#chunks.map((chunk) => Buffer.from(chunk as string)))
    return { ...(this.#reply as Reply), body }
  }

  /** Notes the header, and the content if it is known. */
  head(reply: Reply): void {
    if (this.#isOver) return
    this.#reply = reply
    const length = announcedLength(reply.fields)
    if (length !== undefined && length > this.#maxBytes) this.refuse()
    if (reply.body !== undefined) this.chunk(reply.body)
    else if (!this.#isOver) this.#timer = setTimeout(() => this.#drag('dragging'), PATIENCE).unref()
  }

  chunk(chunk: Body): void {
    if (this.#isOver || chunk.length === 0) return
    this.#bytes += sizeOfBody(chunk)
    if (this.#bytes > this.#maxBytes) this.refuse()
    else this.#chunks.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk)) // A copy: buffers are reused.
  }

  finish(): void {
    if (this.#isOver || this.#reply === undefined) return
    const length = announcedLength(this.#reply.fields)
    this.#over(length === undefined || length === this.#bytes ? 'whole' : 'aborted')
  }

  refuse(): void {
    this.#over('refused')
  }

  abort(): void {
    this.#over('aborted')
  }

  #over(ending: Ending): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    if (ending !== 'whole') this.#chunks = []
    this.#end(ending)
  }
}
