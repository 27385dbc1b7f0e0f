import { type Backend, Lease, leasesOf, type TagsAhead } from '@cashews/core'
import type { Loading } from './loading.ts'

/** The loads under way inside a transaction. One may store its result as long as the transaction does not change the key. */
export class Loadings {
  readonly #store: Backend
  readonly #byKey = new Map<string, Map<string, Loading>>()
  /** Those that all the loads have taken. They tell until the commit is over whether this process has changed the key. */
  #leases = new Set<Lease>()
  #begun = 0

  constructor(store: Backend) {
    this.#store = store
  }

  /**
   * Lets a load begin, and answers its name.
   *
   * @param token The store's own proof, if it has given one.
   * @param tags Under which the result will be stored.
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

  /** The right of a load; `undefined` when it has lost it. */
  find(key: string, name: string): Loading | undefined {
    return this.#byKey.get(key)?.get(name)
  }

  /** A load gives way to those that began after it: it has stored now, and those before it store no more. */
  end(key: string, name: string): void {
    const loadings = this.#byKey.get(key)
    for (const earlier of loadings?.keys() ?? []) {
      loadings?.delete(earlier)
      if (earlier === name) return
    }
  }

  /** Lets none store what it began before a change of the key. */
  cancel(key: string): void {
    this.#byKey.delete(key)
  }

  cancelMatching(matches: (key: string) => boolean): void {
    for (const key of this.#byKey.keys()) if (matches(key)) this.#byKey.delete(key)
  }

  /** The same before one of the tags is deleted or expires, of those that would store under it. */
  cancelTagged(tags: readonly string[]): void {
    for (const loadings of this.#byKey.values())
      for (const [name, { lease }] of loadings)
        if (lease.tags === 'any' || lease.tags?.some((tag) => tags.includes(tag))) loadings.delete(name)
  }

  cancelAll(): void {
    this.#byKey.clear()
  }

  /** Hands over the leases: who takes them gives them back. */
  take(): ReadonlySet<Lease> {
    const taken = this.#leases
    this.#leases = new Set()
    return taken
  }

  /** Gives all up. */
  discard(): void {
    for (const lease of this.#leases) lease.drop()
    this.#leases.clear()
    this.cancelAll()
  }
}
