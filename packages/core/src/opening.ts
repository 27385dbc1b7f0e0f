import type { Awaitable } from './awaitable.ts'
import type { Backend, BackendHost, Milliseconds } from './backend.ts'
import { CacheClosedError } from './errors.ts'

/** Whose store it is. */
export interface Opener extends BackendHost {
  readonly backend: Backend
  /** The store is open from now on, or no longer. */
  settle(): void
}

/** How long a store may still be opening when it is closed. */
const OPENING_AT_CLOSE: Milliseconds = 500

/** A store that failed to open may still be trying: once `tried`, it is closed like one that is open. */
type State = 'idle' | 'tried' | 'open' | 'closed'

/** A store on its way from idle to open to closed. */
export class Opening {
  readonly #opener: Opener
  #state: State = 'idle'
  #underWay: Promise<void> | undefined

  constructor(opener: Opener) {
    this.#opener = opener
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Opens the store, once however many ask. @throws {CacheClosedError} After a {@link close}. */
  ready(): Awaitable<void> {
    if (this.isOpen) return
    if (this.isClosed) throw new CacheClosedError(`The cache was closed. Call init() to use it again.`)
    return this.#underWay ?? this.#open()
  }

  /** Lets a store that was closed be opened again. */
  renew(): void {
    if (this.isClosed) this.#state = this.#underWay ? 'tried' : 'idle'
  }

  async close(): Promise<void> {
    const underWay = this.#underWay
    const wasUsed = this.#state !== 'idle'
    this.#state = 'closed'
    this.#opener.settle()
    if (underWay) this.#end(underWay)
    else if (wasUsed) await this.#opener.backend.close()
  }

  /** A store that is being opened is closed as soon as it is; one that takes long may never be, and is closed at once. */
  #end(underWay: Promise<void>): void {
    const close = async () => this.#opener.backend.close()
    const late = setTimeout(() => {
      if (this.isClosed) close().catch((error) => this.#opener.error(error))
    }, OPENING_AT_CLOSE)
    late.unref()
    const over = () => clearTimeout(late)
    underWay.then(over, over)
  }

  #open(): Awaitable<void> {
    this.#state = 'tried'
    const opening = this.#opener.backend.open(this.#opener)
    if (!(opening instanceof Promise)) return this.#opened()
    this.#underWay = opening.then(
      () => this.#opened(),
      async (error) => {
        this.#underWay = undefined
        if (this.isClosed) await this.#opener.backend.close()
        throw error
      },
    )
    return this.#underWay
  }

  #opened(): Awaitable<void> {
    this.#underWay = undefined
    if (this.isClosed) return this.#opener.backend.close()
    this.#state = 'open'
    this.#opener.settle()
  }
}
