import { type Backend, Lease, leasesOf, type TagsAhead } from '@cashews/core'
import type { Loading } from './loading.ts'

/** The loads under way inside a transaction. A load may store its result unless the transaction changes the key first. */
export class Loadings {
  readonly #store: Backend
  readonly #byKey = new Map<string, Map<string, Loading>>()
  /** The leases of all loads: until the commit is over, they tell whether this process has changed the key. */
  #leases = new Set<Lease>()
  #begun = 0

  constructor(store: Backend) {
    this.#store = store
  }

  /**
   * Registers a load, and returns its name.
   *
   * @param token The store's own lease, if it gave one.
   * @param tags The tags that the result will be stored with.
   */
  begin(key: string, token: string | undefined, tags: TagsAhead | undefined): string {
    const lease = new Lease(tags)
    leasesOf(this.#store).take(key, lease)
    this.#leases.add(lease)
    const name = String(++this.#begun)
    const loadings = this.#byKey.get(key) ?? new Map<string, Loading>()
    this.#byKey.set(key, loadings.set(name, { lease, token }))
    return name
  }

  /** Finds a load that may still store its result. */
  find(key: string, name: string): Loading | undefined {
    return this.#byKey.get(key)?.get(name)
  }

  /** Ends a load that has stored its result. Loads that began before it may not store any more; later ones may. */
  end(key: string, name: string): void {
    const loadings = this.#byKey.get(key)
    for (const earlier of loadings?.keys() ?? []) {
      loadings?.delete(earlier)
      if (earlier === name) return
    }
  }

  /** Keeps the loads of a key that was changed from storing. */
  cancel(key: string): void {
    this.#byKey.delete(key)
  }

  cancelMatching(matches: (key: string) => boolean): void {
    for (const key of this.#byKey.keys()) if (matches(key)) this.#byKey.delete(key)
  }

  /** The same for loads that would store with one of these tags, before the tags are deleted or expire. */
  cancelTagged(tags: readonly string[]): void {
    for (const loadings of this.#byKey.values())
      for (const [name, { lease }] of loadings)
        if (lease.tags === 'any' || lease.tags?.some((tag) => tags.includes(tag))) loadings.delete(name)
  }

  cancelAll(): void {
    this.#byKey.clear()
  }

  /** Hands over the leases. The caller has to drop them. */
  take(): ReadonlySet<Lease> {
    const taken = this.#leases
    this.#leases = new Set()
    return taken
  }

  /** Drops all leases, and keeps every load from storing. */
  discard(): void {
    for (const lease of this.#leases) lease.drop()
    this.#leases.clear()
    this.cancelAll()
  }
}
