import type { Milliseconds } from '@cashews/core'
import type { Redis, RedisOptions } from 'ioredis'
import { monotonicNow } from './monotonic.ts'

/** How often a connection tries to come back, which takes some seconds. Its node may have left the Cluster for good. */
const MOST_TRIES = 15

/**
 * What a connection for {@link ReleaseBell} differs in from the others. ioredis would subscribe again by itself, and let nobody
 * catch it when that fails.
 */
export const SUBSCRIBING: Partial<RedisOptions> = {
  lazyConnect: true,
  autoResubscribe: false,
  retryStrategy: (times) => (times > MOST_TRIES ? null : Math.min(50 * times, 500)),
}

/** How long a release is remembered that nobody waited for, and how many of them. */
const RECENT: Milliseconds = 1_000
const MOST_RECENT = 1_000

/** Hears, over one connection, which locks other processes free. Connects when somebody waits for the first time. */
export class ReleaseBell {
  readonly channel: string
  readonly #connect: () => Redis
  readonly #waiting = new Map<string, Set<() => void>>()
  /** When locks were freed that nobody waited for: somebody may have asked for one before, and not be told yet that it is held. */
  readonly #missed = new Map<string, number>()
  #subscriber: Redis | undefined

  constructor(channel: string, connect: () => Redis) {
    this.channel = channel
    this.#connect = connect
  }

  /**
   * Resolves when a lock may be free, after `atMost` in any case.
   *
   * @param name The name of the lock in Redis, by which scripts tell of it.
   */
  released(name: string, atMost: Milliseconds): Promise<void> {
    this.#listen()
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

  /** Wakes the one who has waited longest: only one can have the lock. */
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

  /** Whether a lock was freed a moment ago, and nobody has been told. */
  #hasMissed(name: string): boolean {
    const freedAt = this.#missed.get(name)
    return freedAt !== undefined && this.#missed.delete(name) && monotonicNow() - freedAt < RECENT
  }

  /** Without a connection waiters look again by themselves. One that has given up is replaced, perhaps by one to another node. */
  #listen(): void {
    if (this.#subscriber && this.#subscriber.status !== 'end') return
    let subscriber: Redis
    try {
      subscriber = this.#connect()
    } catch {
      return
    }
    this.#subscriber = subscriber
    subscriber.on('error', () => {})
    subscriber.on('message', (_channel, name) => this.#ring(name))
    // What was freed before is worth a look.
    subscriber.on('ready', () => subscriber.subscribe(this.channel).then(this.#ringAll, () => {}))
    subscriber.connect().catch(() => {})
  }

  readonly #ringAll = (): void => {
    for (const name of this.#waiting.keys()) this.#ring(name)
  }
}
