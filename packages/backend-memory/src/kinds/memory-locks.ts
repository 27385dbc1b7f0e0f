import type { Locks, Milliseconds } from '@cashews/core'
import type { TickingClock } from '../entries/ticking-clock.ts'

interface Holding {
  readonly token: string
  readonly expiresAt: number
}

/** The locks of this process. Taking one removes up to two expired ones, so that these never outnumber the others. */
export class MemoryLocks implements Locks {
  readonly #clock: TickingClock
  readonly #held = new Map<string, Holding>()
  #round: Iterator<[string, Holding]> = this.#held.entries()

  constructor(clock: TickingClock) {
    this.#clock = clock
  }

  /** The number of locks, including expired ones that are not removed yet. */
  get size(): number {
    return this.#held.size
  }

  acquire(key: string, token: string, lifetime: Milliseconds): boolean {
    const holder = this.holder(key)
    if (holder !== undefined && holder !== token) return false
    this.give(key, token, lifetime)
    return true
  }

  /** Gives a lock to a token, whoever holds it. */
  give(key: string, token: string, lifetime: Milliseconds): void {
    this.#sweep()
    this.#sweep()
    this.#held.set(key, { token, expiresAt: this.#clock.precise() + lifetime })
  }

  /** Frees a lock, whoever holds it. */
  free(key: string): void {
    this.#held.delete(key)
  }

  extend(key: string, token: string, lifetime: Milliseconds): boolean {
    return this.holder(key) === token && this.acquire(key, token, lifetime)
  }

  release(key: string, token: string): boolean {
    return this.holder(key) === token && this.#held.delete(key)
  }

  isLocked(key: string): boolean {
    return this.holder(key) !== undefined
  }

  clear(): void {
    this.#held.clear()
  }

  /** The token that holds a lock. */
  holder(key: string): string | undefined {
    const held = this.#held.get(key)
    return held && held.expiresAt > this.#clock.precise() ? held.token : undefined
  }

  /** Visits the next lock, and removes it if it has expired. */
  #sweep(): void {
    const next = this.#round.next()
    if (next.done) this.#round = this.#held.entries()
    else if (next.value[1].expiresAt <= this.#clock.precise()) this.#held.delete(next.value[0])
  }
}
