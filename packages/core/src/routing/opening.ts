import type { Backend, BackendHost, Milliseconds, RemovalReason } from '../backend.ts'
import { type Awaitable, isPending } from '../basics/awaitable.ts'
import { companionOf } from '../basics/companion.ts'
import { outsideRequests } from '../basics/outside-requests.ts'

/** A cache that uses a store. */
export interface Tenant {
  /** Who hears what the store reports. All that one cache uses has the same `error`. */
  readonly host: BackendHost & { readonly error: (error: unknown) => void }
  /** Whether it has asked for the store, and was not closed since. */
  readonly isUsed: boolean
  /** Called when the store was opened. */
  opened(): void
}

/** How long a store may take to finish opening when the last cache is closed. */
const OPENING_AT_CLOSE: Milliseconds = 500

/**
 * Opens a store for the first cache that uses it, and closes it with the last. All of them hear what it reports. A cache that
 * was forgotten without being closed does not count.
 */
class Opening implements BackendHost {
  readonly #store: Backend
  #tenants: readonly WeakRef<Tenant>[] = []
  #isOpen = false
  #underWay: Promise<void> | undefined

  constructor(store: Backend) {
    this.#store = store
  }

  /** Opens the store for a cache, once for all that want it open. May be called again after a failure. */
  enter(tenant: Tenant): Awaitable<void> {
    this.#tenants = [...this.#staying(tenant), new WeakRef(tenant)]
    return this.#isOpen ? tenant.opened() : (this.#underWay ?? this.#open())
  }

  /**
   * Called by a cache that was just closed. Closes the store, if no other cache uses it: one that is still opening once it is open,
   * or after half a second, because that may never happen. The last cache still hears what fails.
   */
  leave(): Awaitable<void> {
    const others = this.#staying()
    if (others.length > 0) this.#tenants = others
    else if (this.#underWay) this.#closeLate(this.#underWay)
    else return this.#closeUnused()
  }

  removed(key: string, reason: RemovalReason): void {
    for (const tenant of this.#tenants) tenant.deref()?.host.removed(key, reason)
  }

  /** Tells each cache once, also one that has its tag records beside its values. */
  error(error: unknown): void {
    for (const report of new Set(this.#tenants.map((tenant) => tenant.deref()?.host.error))) report?.(error)
  }

  /** The caches that use the store, but for one of them. */
  #staying(but?: Tenant): readonly WeakRef<Tenant>[] {
    return this.#tenants.filter((each) => {
      const tenant = each.deref()
      return tenant && tenant !== but && tenant.isUsed
    })
  }

  #open(): Awaitable<void> {
    const opening = outsideRequests(() => this.#store.open(this))
    if (!isPending(opening)) return this.#opened()
    // If the store is closed meanwhile, the next cache has it opened anew, and this opening does not count any more.
    const underWay: Promise<void> = opening.then(
      () => (this.#underWay === underWay ? this.#opened() : this.#closeUnused()),
      async (error) => {
        if (this.#underWay === underWay) this.#underWay = undefined
        await this.#closeUnused()
        throw error
      },
    )
    this.#underWay = underWay
    return underWay
  }

  #opened(): Awaitable<void> {
    this.#underWay = undefined
    this.#isOpen = true
    for (const tenant of this.#tenants) tenant.deref()?.opened()
    return this.#closeUnused()
  }

  #closeUnused(): Awaitable<void> {
    if (this.#staying().length > 0) return
    this.#underWay = undefined
    this.#isOpen = false
    return this.#store.close()
  }

  #closeLate(underWay: Promise<void>): void {
    const close = async () => this.#closeUnused()
    const late = setTimeout(() => close().catch((error) => this.error(error)), OPENING_AT_CLOSE)
    late.unref()
    const over = () => clearTimeout(late)
    underWay.then(over, over)
  }
}

/** The opening of a store, whichever caches use it. */
export const openingOf: (store: Backend) => Opening = /* @__PURE__ */ companionOf(
  (store: Backend) => new Opening(store),
)
