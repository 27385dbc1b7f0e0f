import { type Cache, MISS, type Milliseconds, type Moment, type Spot } from '@cashews/core'

/** How long a refusal is believed that the store cannot confirm at once: somebody else may have lifted the limit. */
const BELIEVED: Milliseconds = 1_000
/** How many refusals are remembered. */
const MOST = 10_000

/** What all calls of a key get that is over its limit, until that is reset. */
export interface Refusal {
  readonly resetAt: Date
  /**
   * Rejected with the error, one promise for all: who floods a key makes none. Absent: an action answers. The first call
   * over the limit gets a promise of its own, so that a rejection that nobody handles is reported, once.
   */
  readonly rejected: Promise<never> | undefined
  /** Since when it holds, for a second, without asking the store, in milliseconds since the epoch; absent: the store tells at once. */
  since: Milliseconds | undefined
  /** Until it is over, the store need not be asked. */
  moment: Moment | undefined
}

/**
 * The keys that are over their limit, so that whoever floods one causes no write. A store that has the counter at hand is
 * asked again once anything was written to it, or a second is over; one that is a wait away, once a second.
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
    if (this.#cache.getNow(key) === MISS) refusal.since = Math.min(+refusal.resetAt - BELIEVED, Date.now())
    this.#byKey.set(key, refusal)
  }

  /** With what a call is refused; `undefined` when it has to be counted. The spot keeps it. */
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

  /** Refuses a key no more. */
  lift(key: string): undefined {
    this.#byKey.delete(key)
  }

  #stands(spot: Spot, refusal: Refusal): boolean {
    const { since } = refusal
    // The clock may be set back.
    if (since) return Math.abs(Date.now() - since) < BELIEVED && !this.#cache.isBypassed(spot.key)
    const count = this.#cache.getNow(spot.key)
    if (count === MISS || (count as number) <= this.#limit) return false
    refusal.moment = this.#cache.momentNow(spot.key)
    return true
  }
}
