import { type Milliseconds, outsideRequests } from '@cashews/core'
import type { Redis, RedisOptions } from 'ioredis'
import { monotonicNow } from './monotonic.ts'

/** How often a connection tries to come back, which takes a few seconds. Its node may have left the Cluster for good. */
const MOST_TRIES = 15

/**
 * The options of the connection for {@link ReleaseBell}. ioredis' own way of subscribing again after a reconnect would leave
 * a rejection unhandled when it fails.
 */
export const SUBSCRIBING: Partial<RedisOptions> = {
  lazyConnect: true,
  autoResubscribe: false,
  retryStrategy: (times) => (times > MOST_TRIES ? null : Math.min(50 * times, 500)),
}

/** How long releases that nobody waited for are remembered, and how many of them. */
const RECENT: Milliseconds = 1_000
const MOST_RECENT = 1_000

/** Learns, over one connection, which locks other processes free. Connects when somebody waits for the first time. */
export class ReleaseBell {
  readonly channel: string
  readonly #connect: () => Redis
  readonly #waiting = new Map<string, Set<() => void>>()
  /**
   * When locks were freed that nobody waited for. Somebody may have tried to take one before, and not have the answer yet that
   * it is held.
   */
  readonly #missed = new Map<string, number>()
  #subscriber: Redis | undefined

  constructor(channel: string, connect: () => Redis) {
    this.channel = channel
    this.#connect = connect
  }

  /**
   * Resolves when a lock may be free, after `atMost` at the latest.
   *
   * @param name The name of the lock in Redis, which scripts publish.
   */
  released(name: string, atMost: Milliseconds): Promise<void> {
    if (!this.#subscriber || this.#subscriber.status === 'end') outsideRequests(() => this.#listen())
    if (this.#hasMissed(name)) return Promise.resolve()
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(name) ?? new Set()
      this.#waiting.set(name, waiting)
      const done = () => {
        clearTimeout(timer)
        waiting.delete(done)
        if (waiting.size === 0) this.#waiting.delete(name)
        resolve()
      }
      const timer = setTimeout(done, atMost)
      waiting.add(done)
    })
  }

  stop(): void {
    this.#subscriber?.disconnect()
    this.#subscriber = undefined
    for (const waiting of this.#waiting.values()) for (const done of waiting) done()
  }

  /** Wakes the waiter that has waited longest: only one can get the lock. */
  #ring(name: string): void {
    const [longest] = this.#waiting.get(name) ?? []
    if (longest) longest()
    else this.#miss(name)
  }

  #miss(name: string): void {
    this.#missed.delete(name)
    this.#missed.set(name, monotonicNow())
    const [oldest] = this.#missed.keys()
    if (oldest !== undefined && this.#missed.size > MOST_RECENT) this.#missed.delete(oldest)
  }

  /** Whether a lock was freed a moment ago without anybody being woken. */
  #hasMissed(name: string): boolean {
    const freedAt = this.#missed.get(name)
    return freedAt !== undefined && this.#missed.delete(name) && monotonicNow() - freedAt < RECENT
  }

  /** Connects. A connection that has given up is replaced, perhaps by one to another node; without any, waiters poll. */
  #listen(): void {
    let subscriber: Redis
    try {
      subscriber = this.#connect()
    } catch {
      return
    }
    this.#subscriber = subscriber
    subscriber.on('error', () => {})
    subscriber.on('message', (_channel, name) => this.#ring(name))
    // Locks may have been freed while nobody was listening.
    subscriber.on('ready', () => subscriber.subscribe(this.channel).then(this.#ringAll, () => {}))
    subscriber.connect().catch(() => {})
  }

  readonly #ringAll = (): void => {
    for (const name of this.#waiting.keys()) this.#ring(name)
  }
}
