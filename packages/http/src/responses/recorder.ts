import { Buffer } from 'node:buffer'
import type { Body } from '../rules/etag.ts'
import type { Fields } from '../rules/field.ts'
import type { Reply } from '../rules/request.ts'
import { announcedLength, sizeOfBody } from './stored-response.ts'

/**
 * How long others wait for a streamed response, whose pace its own client sets, and for one whose client has left, in
 * milliseconds.
 */
const PATIENCE = 1_000

/** What requests do that wait no longer: each runs the handler, or one does and the others wait for that. */
export type AfterWaiting = 'alone' | 'again'

/** How a recording ended: complete, refused because the response may not be stored, or aborted before its end. */
export type Ending = 'whole' | 'refused' | 'aborted'

/**
 * Records a response while it is sent. It is complete when the handler has ended it at its announced length, whether or
 * not the client was still there to receive it.
 */
export class Recorder {
  /** Resolves when the recording has ended. Never rejects. */
  readonly ended: Promise<Ending>
  /** Resolves when others should wait no longer: {@link PATIENCE} after the header, or after the client has left. */
  readonly overdue: Promise<AfterWaiting>
  readonly #maxBytes: number
  #chunks: Body[] = []
  #bytes = 0
  #reply: Reply | undefined
  #end!: (ending: Ending) => void
  #endWait!: (next: AfterWaiting) => void
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.overdue = new Promise((resolve) => {
      this.#endWait = resolve
    })
  }

  /** Whether the recording has ended. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The recorded header. */
  get fields(): Fields {
    return this.#reply?.fields ?? {}
  }

  /** The recorded response, once it is complete. */
  get whole(): Reply & { readonly body: Body } {
    const [first = '', ...others] = this.#chunks
    const body = others.length === 0 ? first : Buffer.concat(this.#chunks.map((chunk) => Buffer.from(chunk as string)))
    return { ...(this.#reply as Reply), body }
  }

  /** Records the header, and the content unless that is streamed. */
  head(reply: Reply): void {
    if (this.#isOver) return
    this.#reply = reply
    const length = announcedLength(reply.fields)
    if (length !== undefined && length > this.#maxBytes) this.refuse()
    if (reply.body !== undefined) this.chunk(reply.body)
    else this.#waitNoLonger('alone')
  }

  /** Records a part of the content. */
  chunk(chunk: Body): void {
    if (this.#isOver || chunk.length === 0) return
    this.#bytes += sizeOfBody(chunk)
    if (this.#bytes > this.#maxBytes) this.refuse()
    else this.#chunks.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk)) // A copy: buffers are reused.
  }

  /** Ends the recording: the handler has ended its response. */
  finish(): void {
    if (this.#isOver || this.#reply === undefined) return
    const length = announcedLength(this.#reply.fields)
    this.#over(length === undefined || length === this.#bytes ? 'whole' : 'aborted')
  }

  /** The client has left before the header. The handler may still complete the response, but may not notice either. */
  clientLeft(): void {
    this.#waitNoLonger('again')
  }

  /** Ends the recording of a response that may not be stored. */
  refuse(): void {
    this.#over('refused')
  }

  /** Ends the recording of a response that will not be completed. */
  abort(): void {
    this.#over('aborted')
  }

  #waitNoLonger(next: AfterWaiting): void {
    if (!this.#isOver) this.#timer ??= setTimeout(() => this.#endWait(next), PATIENCE).unref()
  }

  #over(ending: Ending): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    if (ending !== 'whole') this.#chunks = []
    this.#end(ending)
  }
}
