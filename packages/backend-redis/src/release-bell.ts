import type { Milliseconds } from '@cashews/core'
import type { Redis, RedisOptions } from 'ioredis'

/** What a connection for {@link ReleaseBell} differs in from the others. */
export const SUBSCRIBING: Partial<RedisOptions> = {
  lazyConnect: true,
  enableOfflineQueue: true,
  retryStrategy: (times) => Math.min(50 * times, 500),
}

/** Hears, over one connection, which locks other processes free. Connects when somebody waits for the first time. */
export class ReleaseBell {
  readonly channel: string
  readonly #connect: () => Redis
  readonly #waiting = new Map<string, Set<() => void>>()
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
    longest?.()
  }

  /** Without a connection waiters look again by themselves. */
  #listen(): void {
    if (this.#subscriber && this.#subscriber.status !== 'end') return
    try {
      this.#subscriber = this.#connect()
    } catch {
      return
    }
    this.#subscriber.on('error', () => {})
    this.#subscriber.on('message', (_channel, name) => this.#ring(name))
    // What was freed before is worth a look.
    this.#subscriber.subscribe(this.channel).then(this.#ringAll, () => {})
  }

  readonly #ringAll = (): void => {
    for (const name of this.#waiting.keys()) this.#ring(name)
  }
}
