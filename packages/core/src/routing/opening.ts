import type { Backend, BackendHost, Milliseconds } from '../backend.ts'
import { type Awaitable, isPending } from '../basics/awaitable.ts'
import { CacheClosedError } from '../errors.ts'

/** The owner of a store. */
export interface Opener extends BackendHost {
  readonly backend: Backend
  /** Called when the store was opened or closed. */
  settle(): void
}

/** How long a store may take to finish opening when the cache is closed. */
const OPENING_AT_CLOSE: Milliseconds = 500

/** `tried`: opening was started. Even if it failed, the store may still be trying, and has to be closed like an open one. */
type State = 'idle' | 'tried' | 'open' | 'closed'

/** Opens and closes one store. */
export class Opening {
  /** Whether the cache uses another store now: commands on their way to this one are answered as if it were unreachable. */
  isReplaced = false
  /** Who owns the store now. */
  opener: Opener
  #state: State = 'idle'
  #underWay: Promise<void> | undefined

  constructor(opener: Opener) {
    this.opener = opener
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Opens the store, once for all concurrent callers. @throws {CacheClosedError} After {@link close}. */
  ready(): Awaitable<void> {
    if (this.isOpen) return
    if (this.isClosed) throw new CacheClosedError(`The cache was closed. Call init() to use it again.`)
    return this.#underWay ?? this.#open()
  }

  /** Allows a closed store to be opened again. */
  renew(): void {
    if (this.isClosed) this.#state = this.#underWay ? 'tried' : 'idle'
  }

  async close(): Promise<void> {
    const underWay = this.#underWay
    const wasUsed = this.#state !== 'idle'
    this.#state = 'closed'
    this.opener.settle()
    if (underWay) this.#end(underWay)
    else if (wasUsed) await this.opener.backend.close()
  }

  /** Closes a store that is still opening: once it is open, or after half a second, because that may never happen. */
  #end(underWay: Promise<void>): void {
    const close = async () => this.opener.backend.close()
    const late = setTimeout(() => {
      if (this.isClosed) close().catch((error) => this.opener.error(error))
    }, OPENING_AT_CLOSE)
    late.unref()
    const over = () => clearTimeout(late)
    underWay.then(over, over)
  }

  #open(): Awaitable<void> {
    this.#state = 'tried'
    const opening = this.opener.backend.open(this.opener)
    if (!isPending(opening)) return this.#opened()
    this.#underWay = opening.then(
      () => this.#opened(),
      async (error) => {
        this.#underWay = undefined
        if (this.isClosed) await this.opener.backend.close()
        throw error
      },
    )
    return this.#underWay
  }

  #opened(): Awaitable<void> {
    this.#underWay = undefined
    if (this.isClosed) return this.opener.backend.close()
    this.#state = 'open'
    this.opener.settle()
  }
}
