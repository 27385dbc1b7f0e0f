import { type Cache, MISS, type Milliseconds } from '@cashews/core'
import type { RateLimitError } from './errors.ts'

/** How long a ban is believed that the store cannot confirm at once: somebody else may have lifted it. */
const BELIEVED: Milliseconds = 1_000
/** How many bans are remembered. */
const MOST = 10_000

interface Ban {
  readonly refusal: RateLimitError
  /** In milliseconds since the epoch; `undefined` when the store is asked each time. */
  readonly believedUntil: Milliseconds | undefined
}

/**
 * The keys that are over their limit, so that whoever floods one causes no write. A store that has the counter at hand is
 * asked each time; one that is a wait away once a second.
 */
export class Bans {
  readonly #cache: Cache
  readonly #limit: number
  readonly #byKey = new Map<string, Ban>()

  constructor(cache: Cache, limit: number) {
    this.#cache = cache
    this.#limit = limit
  }

  add(key: string, refusal: RateLimitError): void {
    if (this.#byKey.size >= MOST) this.#byKey.clear()
    const isAtHand = this.#cache.getNow(key) !== MISS
    const believedUntil = isAtHand ? undefined : Math.min(refusal.resetAt.getTime(), Date.now() + BELIEVED)
    this.#byKey.set(key, { refusal, believedUntil })
  }

  /** With what a call is refused; `undefined` when it has to be counted. */
  find(key: string): RateLimitError | undefined {
    const ban = this.#byKey.size === 0 ? undefined : this.#byKey.get(key)
    if (ban === undefined) return undefined
    if (this.#stands(key, ban)) return ban.refusal
    this.#byKey.delete(key)
    return undefined
  }

  lift(key: string): void {
    this.#byKey.delete(key)
  }

  #stands(key: string, { believedUntil }: Ban): boolean {
    if (believedUntil !== undefined) return Date.now() < believedUntil && !this.#cache.isBypassed(key)
    const count = this.#cache.getNow(key)
    return count !== MISS && (count as number) > this.#limit
  }
}
