import {
  type Awaitable,
  type Backend,
  type CallOf,
  compileGlob,
  deleteScanned,
  isOvertaken,
  type Lease,
  leasesOf,
  type Milliseconds,
  voidAndDelete,
} from '@cashews/core'
import type { Entry } from '../view/entry.ts'
import { lifetimeLeft } from '../view/held.ts'
import type { Fill } from '../view/loading.ts'
import type { View } from '../view/view.ts'
import type { ViewHost } from '../view/view-host.ts'
import { type HeldLocks, Part } from './part.ts'

/** What was deleted by pattern or by tag. */
export interface Gone {
  readonly patterns: readonly string[]
  readonly deleted: ReadonlySet<string>
  readonly expired: ReadonlySet<string>
}

/** Everything that a transaction commits in one store. */
export class Pending {
  readonly view: View
  readonly #host: ViewHost
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #leases: ReadonlySet<Lease>
  readonly #gone: Gone

  constructor(view: View, entries: ReadonlyMap<string, Entry>, leases: ReadonlySet<Lease>, gone: Gone, host: ViewHost) {
    this.view = view
    this.#entries = entries
    this.#leases = leases
    this.#gone = gone
    this.#host = host
  }

  /** The parts that can be written in one step each, in the order of their first keys. */
  parts(locks: HeldLocks | undefined): Part[] {
    const groups = new Map<string | number, [Map<string, Entry>, string[]]>()
    const groupOf = (key: string) => {
      const part = this.view.placement.partOf(key)
      const group: [Map<string, Entry>, string[]] = groups.get(part) ?? [new Map(), []]
      groups.set(part, group)
      return group
    }
    for (const [key, entry] of this.#entries) groupOf(key)[0].set(key, entry)
    for (const key of locks?.keys ?? []) groupOf(key)[1].push(key)
    return [...groups.values()]
      .map(
        ([entries, keys]) =>
          new Part(this.view, this.#host, entries, locks && keys.length > 0 ? { ...locks, keys } : undefined),
      )
      .filter((part) => !part.isEmpty)
  }

  get dropsTags(): boolean {
    return this.#gone.deleted.size + this.#gone.expired.size > 0
  }

  /**
   * Deletes and expires tags. This is a step of its own before the writes, so that what they write with such a tag stays.
   */
  async dropTags(): Promise<void> {
    const { store, door } = this.view
    const { tags: own } = store
    if (!own) return
    const drop = async (command: 'deleteTags' | 'expireTags', names: ReadonlySet<string>): Promise<void> => {
      if (names.size === 0) return
      const tags = [...names]
      const call = { command, tags, backend: store } as const
      leasesOf(store).breakFor(call)
      await door.ask<unknown>(call, () => (command === 'deleteTags' ? own.delete(tags) : own.expire(tags)), true)
    }
    await drop('expireTags', this.#gone.expired)
    await drop('deleteTags', this.#gone.deleted)
  }

  /** Deletes by pattern in the outer transaction, if there is one, before the writes. */
  async deleteMatchesAround(): Promise<void> {
    const { store, around } = this.view
    if (around) for (const pattern of this.#gone.patterns) await store.deleteMatch(pattern)
  }

  /**
   * Deletes by pattern what others have stored since, and keeps loads under way from storing. This is a step of its own
   * after the writes, which stay. Failures are reported.
   */
  async deleteMatches(): Promise<void> {
    const { store, door, around } = this.view
    if (around) return
    for (const pattern of this.#gone.patterns) {
      const call: CallOf<'deleteMatch'> = { command: 'deleteMatch', pattern, backend: store }
      leasesOf(store).breakFor(call)
      try {
        await door.ask<unknown>(call, () => this.#deleteOthers(pattern), true)
      } catch (error) {
        door.error(error)
      }
    }
  }

  /** Stores the results of cached functions, unless they were invalidated meanwhile. Failures are reported. */
  async storeFills(): Promise<void> {
    const storing = [...this.#entries].flatMap(([key, { fill }]) => (fill ? [this.#storeFill(key, fill)] : []))
    if (storing.length === 0) return
    for (const { status, ...ended } of await Promise.allSettled(storing))
      if (status === 'rejected') this.view.door.error((ended as PromiseRejectedResult).reason)
  }

  async #deleteOthers(pattern: string): Promise<unknown> {
    const { store } = this.view
    const matches = compileGlob(pattern)
    const changed = new Set([...this.#entries].filter(([, { own }]) => own !== undefined).map(([key]) => key))
    if (![...changed].some(matches)) return store.deleteMatch(pattern)
    // Keys that the transaction wrote are spared: others may have changed them since, after they waited for its locks.
    const remove = (keys: readonly string[]) => store.deleteMany(keys.filter((key) => !changed.has(key)))
    return voidAndDelete(store.leases, pattern, () => deleteScanned(store, pattern, remove))
  }

  async #storeFill(key: string, { held, loading, tags }: Fill): Promise<void> {
    const now = this.#host.clock.now()
    if (isOvertaken(loading.lease) || held.expiresAt <= now) return
    const { store, door } = this.view
    const { value } = held
    const lifetime = lifetimeLeft(held, now)
    leasesOf(store).breakOlder(loading.lease)
    await door.ask({ command: 'set', key, value, lifetime, backend: store }, () =>
      storeLoaded(store, key, value, lifetime, loading, tags),
    )
  }

  end(): void {
    for (const lease of this.#leases) lease.drop()
  }
}

/** Stores the result of a load, with the lease that the store gave for it. Without a lease, changes would go unnoticed. */
function storeLoaded(
  store: Backend,
  key: string,
  value: unknown,
  lifetime: Milliseconds,
  { token, lease }: Fill['loading'],
  tags: readonly string[],
): Awaitable<boolean> {
  if (store.leases) return token !== undefined && store.leases.set(key, value, lifetime, token, tags)
  if (store.tags && tags.length > 0)
    return store.tags.set(key, value, lifetime, tags, { proof: token, isTooLate: () => isOvertaken(lease) })
  return store.set(key, value, lifetime)
}
