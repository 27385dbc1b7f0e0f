import type { Backend, BackendHost } from '../backend.ts'
import type { Awaitable } from '../basics/awaitable.ts'
import { CacheClosedError } from '../errors.ts'
import { openingOf, type Tenant } from './opening.ts'

/** What uses a store in a cache. */
export interface Occupant extends BackendHost {
  /** The store, as other caches may have it too. */
  readonly origin: Backend
  /** The same function for all that one cache uses. */
  readonly error: (error: unknown) => void
  /** Called when the store was opened or closed. */
  settle(): void
}

/** The use of one store by one cache. */
export class Tenancy implements Tenant {
  /** Whether the cache uses another store now: commands on their way to this one are answered as if it were unreachable. */
  isReplaced = false
  isOpen = false
  isClosed = false
  /** Who hears what happens. */
  host: Occupant
  /** Whether opening was started. Even if it failed, the store may still be trying, and has to be closed like an open one. */
  isUsed = false

  constructor(host: Occupant) {
    this.host = host
  }

  /** Opens the store, once for all concurrent callers. @throws {CacheClosedError} After {@link close}. */
  ready(): Awaitable<void> {
    if (this.isOpen) return
    if (this.isClosed) throw new CacheClosedError(`The cache was closed. Call init() to use it again.`)
    this.isUsed = true
    return openingOf(this.host.origin).enter(this)
  }

  opened(): void {
    this.isOpen = this.isUsed
    this.host.settle()
  }

  /** Allows a closed store to be opened again. */
  renew(): void {
    this.isClosed = false
  }

  async close(): Promise<void> {
    const wasUsed = this.isUsed
    this.isUsed = false
    this.isOpen = false
    this.isClosed = true
    this.host.settle()
    if (wasUsed) await openingOf(this.host.origin).leave()
  }
}
