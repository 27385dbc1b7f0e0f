import {
  type Awaitable,
  chain,
  compileGlob,
  type Leased,
  type Leases,
  MISS,
  type Milliseconds,
  type TagsAhead,
} from '@cashews/core'
import { ask } from './ask.ts'
import type { Draft } from './draft.ts'
import { copyOf } from './held.ts'
import type { Reader } from './reader.ts'
import type { View } from './view.ts'
import type { ViewHost } from './view-host.ts'

/**
 * The reads and writes of cached functions inside a transaction. They take no locks: what is cached is only a copy, which
 * may be loaded again at any time.
 */
export class ViewLeases implements Leases {
  readonly #view: View
  readonly #host: ViewHost
  readonly #reader: Reader
  readonly #draft: Draft

  constructor(view: View, host: ViewHost, reader: Reader) {
    this.#view = view
    this.#host = host
    this.#reader = reader
    this.#draft = reader.draft
  }

  get(key: string, ahead?: TagsAhead): Awaitable<Leased> {
    return chain(this.#host.claim(this.#view, []), () => {
      if (this.#draft.find(key)?.isKnown) return this.#getKnown(key, ahead)
      if (this.#host.checksReads || !this.#reader.dropped.isEmpty) return this.#getLooking(key, ahead)
      return this.#getStored(key, ahead)
    })
  }

  take(key: string, ahead?: TagsAhead): Awaitable<string> {
    return chain(this.#host.claim(this.#view, []), () => this.#take(key, ahead))
  }

  set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    lease: string,
    tags: readonly string[] = [],
  ): Awaitable<boolean> {
    const kept = copyOf(value)
    const { loadings } = this.#draft
    const loading = loadings.find(key, lease)
    if (loading === undefined) return false
    loadings.end(key, lease)
    this.#draft.fill(key, kept, lifetime, loading, tags)
    return true
  }

  holds(key: string, lease: string): boolean {
    return this.#draft.loadings.find(key, lease) !== undefined
  }

  voidMatch(pattern: string): void {
    this.#draft.loadings.cancelMatching(compileGlob(pattern))
  }

  #getKnown(key: string, ahead: TagsAhead | undefined): Awaitable<Leased> {
    const value = this.#draft.valueAt(key)
    return value === MISS ? this.#takeAfterMiss(key, ahead) : { value }
  }

  /**
   * Reads where the commit checks every read, or where the key may have a tag that was deleted inside. The transaction
   * depends on what is found, and not on a miss.
   */
  #getLooking(key: string, ahead: TagsAhead | undefined): Awaitable<Leased> {
    const { checksReads } = this.#host
    const act = (): Awaitable<Leased> => {
      const value = this.#draft.valueAt(key)
      if (value === MISS) return this.#takeAfterMiss(key, ahead)
      if (checksReads) this.#draft.entry(key).judged = this.#draft.judged(key, { what: 'all' })
      return { value }
    }
    return this.#reader.claim(checksReads ? [key] : [], () => this.#reader.look([key], act, false))
  }

  #getStored(key: string, ahead: TagsAhead | undefined): Awaitable<Leased> {
    const { door, store } = this.#view
    const { leases } = store
    if (!leases) {
      const found = ask<unknown>(door, 'get', key, () => store.get(key))
      return chain(found, (value) => (value === MISS ? this.#takeAfterMiss(key, ahead) : { value }))
    }
    const leased = ask<Leased | typeof MISS>(door, 'get', key, () => leases.get(key, ahead))
    return chain(leased, (found) => {
      const { value, lease = undefined } = found === MISS ? { value: MISS } : found
      return value === MISS ? { value, lease: this.#draft.loadings.begin(key, lease, ahead) } : { value }
    })
  }

  #takeAfterMiss(key: string, ahead: TagsAhead | undefined): Awaitable<Leased> {
    return chain(this.#take(key, ahead), (lease) => ({ value: MISS, lease }))
  }

  /** Takes the store's own lease, if it gives any: it tells whether others invalidate the key during the load. */
  #take(key: string, ahead: TagsAhead | undefined): Awaitable<string> {
    const { door, store } = this.#view
    const { leases, tags } = store
    const { loadings } = this.#draft
    const prove = () => (leases ? leases.take(key, ahead) : ahead && tags ? tags.capture?.(ahead) : undefined)
    if (this.#draft.find(key)?.own !== undefined) return loadings.begin(key, undefined, ahead)
    return chain(ask<unknown>(door, 'get', key, prove), (token) =>
      loadings.begin(key, typeof token === 'string' ? token : undefined, ahead),
    )
  }
}
