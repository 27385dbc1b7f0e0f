import { type MemoryBackend, type MemoryOptions, memory } from '@cashews/backend-memory'
import {
  type Awaitable,
  type BackendHost,
  compileGlob,
  MISS,
  type Milliseconds,
  type Spot,
  ValueError,
} from '@cashews/core'
import { asBackendError } from '../connection/errors.ts'
import type { Link, Server } from '../connection/link.ts'
import { monotonicNow } from '../connection/monotonic.ts'
import type { Keyspace } from '../keys/keyspace.ts'
import { Tracker, trackingConnection } from './tracker.ts'

/** How long the key of a test write lives. */
const CANARY_LIFETIME: Milliseconds = 1_000

/** The state and the counts of the client-side cache. */
export interface ClientSideReport {
  /** Whether copies are used now. */
  readonly live: boolean
  /**
   * How long ago it was certain that no copy was out of date, in milliseconds: at most `maxStale` while live, and `Infinity`
   * while no server reports changes.
   */
  readonly staleness: Milliseconds
  /** How long the last answered `PING` took, in milliseconds; of several servers, the longest. */
  readonly roundTrip: Milliseconds
  /** Reads that were answered by a copy. */
  readonly hits: number
  /** Reads that asked Redis. */
  readonly misses: number
  /** Values that were not copied, because they changed while they were read. */
  readonly refused: number
  /** How often all the copies were dropped. */
  readonly flushes: number
  /** Changes reported by servers. */
  readonly invalidations: number
}

/** A value from a server, and how long it lives there. */
export interface Found {
  readonly value: unknown
  readonly timeLeft: Milliseconds
}

/** Settings of {@link LocalCopies}. */
export interface CopyOptions {
  /** The options of the store that holds the copies. */
  readonly store: MemoryOptions
  /** How far a copy may lag behind Redis at most. */
  readonly maxStale: Milliseconds
  /** How long a copy lives at most, even if its key lives longer. */
  readonly maxTtl: Milliseconds
}

/**
 * Copies of values in this process, which by construction lag behind Redis by at most `maxStale`.
 *
 * A read from Redis registers a token for its key. A change of the key, whether reported by the server or made here, removes
 * the token, and only a read that still finds its own token keeps a copy: an answer that was overtaken by an invalidation is
 * never copied.
 */
export class LocalCopies {
  readonly #link: Link
  readonly #keys: Keyspace
  readonly #options: CopyOptions
  readonly #fetch: (key: string, name: string) => Promise<Found>
  readonly #store: MemoryBackend
  /** The token of the latest read of each key. */
  readonly #reading = new Map<string, object>()
  readonly #trackers = new Map<string, Tracker>()
  /** The tracker that is responsible for each copy, if there are several. */
  readonly #sources = new Map<string, Tracker>()
  /** When the key of each copy expires in Redis, by the monotonic clock: the copy itself may end earlier. */
  readonly #ends = new Map<string, Milliseconds>()
  #only: Tracker | undefined
  #host: BackendHost | undefined
  #stopWatching = (): void => {}
  readonly #counts = { hits: 0, misses: 0, refused: 0, flushes: 0, invalidations: 0 }

  constructor(link: Link, keys: Keyspace, options: CopyOptions, fetch: (key: string, name: string) => Promise<Found>) {
    this.#link = link
    this.#keys = keys
    this.#options = options
    this.#fetch = fetch
    this.#store = memory(options.store)
  }

  open(host: BackendHost): void {
    this.#stopWatching()
    this.#host = host
    this.#store.open({ removed: (key) => this.#forgetMarks(key), error: (error) => host.error(error) })
    this.#stopWatching = this.#link.watchServers(() => this.#follow())
    this.#follow()
  }

  close(): void {
    this.#stopWatching()
    for (const tracker of this.#trackers.values()) tracker.stop()
    this.#trackers.clear()
    this.#only = undefined
    this.dropAll()
    this.#store.close()
  }

  get report(): ClientSideReport {
    const trackers = [...this.#trackers.values()]
    const staleness =
      trackers.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...trackers.map((each) => each.staleness))
    return {
      live: staleness <= this.#options.maxStale,
      staleness,
      roundTrip: Math.max(0, ...trackers.map(({ roundTrip }) => roundTrip)),
      ...this.#counts,
    }
  }

  getNow(key: string): unknown {
    if (!this.#isFresh(key)) return MISS
    const value = this.#store.getNow(key)
    if (value !== MISS) this.#counts.hits++
    return value
  }

  answerNow(key: string, spot?: Spot): Promise<unknown> | undefined {
    if (!this.#isFresh(key)) return undefined
    const answer = this.#store.answerNow(key, spot)
    if (answer !== undefined) this.#counts.hits++
    return answer
  }

  /** Answers the copy; if there is none, reads from the server and keeps a copy. */
  read(key: string, name: string): Awaitable<unknown> {
    const copy = this.getNow(key)
    if (copy !== MISS) return copy
    this.#counts.misses++
    return this.#readThrough(key, name)
  }

  /** How long a key will live according to its copy; `undefined` if there is no copy. */
  timeLeft(key: string): Milliseconds | undefined {
    if (!this.#isFresh(key) || !this.#store.exists(key)) return undefined
    const end = this.#ends.get(key)
    return end === undefined ? undefined : Math.max(1, end - monotonicNow())
  }

  /** Drops copies of keys that change now, and keeps pending reads from making new ones. */
  drop(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#store.delete(key)
      this.#forgetMarks(key)
      this.#reading.delete(key)
    }
  }

  dropAll(): void {
    this.#counts.flushes++
    this.#store.clear()
    this.#ends.clear()
    this.#sources.clear()
    this.#reading.clear()
  }

  dropMatch(pattern: string): void {
    const matches = compileGlob(pattern)
    this.drop([...this.#store.scan(pattern), ...[...this.#reading.keys()].filter(matches)])
  }

  async #readThrough(key: string, name: string): Promise<unknown> {
    const sentAt = monotonicNow()
    const tracker = this.#trackerOf(name)
    const token = {}
    if (tracker?.isFresh) this.#reading.set(key, token)
    try {
      const { value, timeLeft } = await this.#fetch(key, name)
      if (value === MISS || this.#reading.get(key) !== token) return value
      if (tracker?.isFresh && tracker === this.#trackerOf(name)) this.#keep(key, value, sentAt + timeLeft, tracker)
      return value
    } finally {
      if (this.#reading.get(key) === token) this.#reading.delete(key)
    }
  }

  /** Keeps a copy, for no longer than its key lives. */
  #keep(key: string, value: unknown, end: Milliseconds, tracker: Tracker): void {
    const lifetime = Math.min(end - monotonicNow(), this.#options.maxTtl)
    if (lifetime < 1) return
    this.#ends.set(key, end)
    if (this.#only === undefined) this.#sources.set(key, tracker)
    if (!this.#copy(key, value, lifetime)) this.#forgetMarks(key)
  }

  /** Returns false for a value that cannot be copied or is too large: it is then read from Redis each time. */
  #copy(key: string, value: unknown, lifetime: Milliseconds): boolean {
    try {
      return this.#store.set(key, value, lifetime)
    } catch (error) {
      if (error instanceof ValueError) return false
      throw error
    }
  }

  #forgetMarks(key: string): void {
    this.#ends.delete(key)
    this.#sources.delete(key)
  }

  #isFresh(key: string): boolean {
    const tracker = this.#only ?? this.#sources.get(key)
    return tracker?.isFresh === true
  }

  #trackerOf(name: string): Tracker | undefined {
    return this.#only ?? this.#trackers.get(this.#link.ownerOf(name))
  }

  /** Starts and stops trackers, so that there is one for each server with keys of this namespace. */
  #follow(): void {
    this.dropAll()
    const servers = new Map(this.#link.servers().map((server) => [server.id, server]))
    const pinned = this.#keys.isPinned ? this.#link.ownerOf(this.#keys.value('')) : undefined
    for (const id of this.#trackers.keys()) if (!servers.has(id)) this.#unfollow(id)
    for (const [id, server] of servers)
      if (!this.#trackers.has(id) && (pinned === undefined || pinned === id))
        this.#trackers.set(id, this.#track(server))
    const [first] = this.#trackers.values()
    this.#only = this.#trackers.size === 1 ? first : undefined
  }

  #unfollow(id: string): void {
    this.#trackers.get(id)?.stop()
    this.#trackers.delete(id)
  }

  #track(server: Server): Tracker {
    return new Tracker(trackingConnection(server.client), {
      prefix: this.#keys.namespace,
      maxStale: this.#options.maxStale,
      prove: (id) => this.#prove(server, id),
      changed: (names) => this.#hear(names),
      lost: () => this.dropAll(),
      failed: (error) => this.#host?.error(asBackendError(error)),
    })
  }

  /** Looks the server up again: a Cluster makes new clients for nodes after their connection broke, and may move slots. */
  async #prove(server: Server, id: string): Promise<void> {
    const found = this.#link.servers().find((each) => each.id === server.id)
    const name = this.#keys.canary((found ?? server).slot, id)
    try {
      if (found === undefined) throw new Error(`Redis at ${server.id} is not connected.`)
      await found.client.set(name, 1, 'PX', CANARY_LIFETIME)
    } catch (error) {
      this.#link.lookAgain()
      throw error
    }
  }

  /** A server has told which names have changed; `null` means all. */
  #hear(names: readonly string[] | null): void {
    this.#counts.invalidations += names?.length ?? 1
    if (names === null) {
      this.dropAll()
      return
    }
    for (const name of names) {
      const key = this.#keys.keyOf(name)
      if (key === undefined) continue
      if (this.#reading.has(key)) this.#counts.refused++
      this.drop([key])
    }
  }
}
