import { type Cache, MISS, type Milliseconds, type Moment, type Spot } from '@cashews/core'

/**
 * How long a refusal is trusted without asking the store, in milliseconds: another process may have lifted the limit.
 */
const BELIEVED: Milliseconds = 1_000
/** The most refusals that are remembered. */
const MOST = 10_000

/** What the calls of a key over its limit get, until the limit is reset. */
export interface Refusal {
  readonly resetAt: Date
  /**
   * Rejected with the error; shared by all calls, so that flooding a key allocates nothing. Absent: an action answers.
   * The first call over the limit gets a promise of its own, so that an unhandled rejection is reported, once.
   */
  readonly rejected: Promise<never> | undefined
  /**
   * Since when it holds, for a second, without asking the store, in milliseconds since the epoch; absent: the store
   * tells at once.
   */
  since: Milliseconds | undefined
  /** Until then the store need not be asked. */
  moment: Moment | undefined
}

/**
 * The keys over their limit, so that flooding one causes no writes. A store in the process is asked again after any
 * write to it, or after a second; a remote one once a second.
 */
export class Bans {
  readonly #cache: Cache
  readonly #limit: number
  readonly #byKey = new Map<string, Refusal>()

  constructor(cache: Cache, limit: number) {
    this.#cache = cache
    this.#limit = limit
  }

  add(key: string, refusal: Refusal): void {
    if (this.#byKey.size >= MOST) this.#byKey.clear()
    if (this.#cache.engine.getNow(key) === MISS) refusal.since = Math.min(+refusal.resetAt - BELIEVED, Date.now())
    this.#byKey.set(key, refusal)
  }

  /** The refusal of a call; `undefined` when the call has to be counted. The spot caches it. */
  find(spot: Spot): Refusal | undefined {
    const noted = spot.note as Refusal | undefined
    if (noted?.moment?.isOver === false) return noted
    return this.#byKey.size === 0 ? undefined : this.#look(spot)
  }

  #look(spot: Spot): Refusal | undefined {
    let refusal = this.#byKey.get(spot.key)
    if (refusal && !this.#stands(spot, refusal)) refusal = this.lift(spot.key)
    spot.note = refusal
    return refusal
  }

  /** Stops refusing a key. */
  lift(key: string): undefined {
    this.#byKey.delete(key)
  }

  #stands(spot: Spot, refusal: Refusal): boolean {
    const { since } = refusal
    // The clock may be set back.
    if (since) return Math.abs(Date.now() - since) < BELIEVED && !this.#cache.engine.isBypassed(spot.key)
    const count = this.#cache.engine.getNow(spot.key)
    if (count === MISS || (count as number) <= this.#limit) return false
    refusal.moment = this.#cache.engine.momentNow(spot.key)
    return true
  }
}
