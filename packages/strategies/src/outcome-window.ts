import { type Cache, CacheClosedError, type Milliseconds, newSpot } from '@cashews/core'

/** How many parts a window has. What is older than the whole leaves it a part at a time. */
const PARTS = 10
/** What a failure adds to the counter of a part, whose lower digits count all calls. */
const FAILURE = 2 ** 28
/** How long successes are gathered before they are written. */
const GATHERING: Milliseconds = 1_000

/** How many calls have ended, and how many of them failed. */
export interface Tally {
  readonly calls: number
  readonly fails: number
}

/**
 * Counts how the calls of the last period ended, for all processes that share the store: one counter for each tenth of
 * the period. Successes are gathered for up to a second, so that a function that works costs no write at each call; a
 * failure writes what was gathered.
 */
export class OutcomeWindow {
  readonly #cache: Cache
  readonly #key: string
  readonly #period: Milliseconds
  #gathered = 0

  constructor(cache: Cache, key: string, period: Milliseconds) {
    this.#cache = cache
    this.#key = key
    this.#period = period
  }

  /** Counts a success, which is written by the next {@link failed} or {@link write}. */
  succeeded(): void {
    this.#gathered++
  }

  /** Counts a failure, and answers what the window now holds. */
  async failed(): Promise<Tally> {
    const part = this.#part()
    const older = Array.from({ length: PARTS - 1 }, (_, at) => this.#keyOf(part - 1 - at))
    const own = await this.#add(part, 1 + FAILURE)
    const sums = [own, ...(await this.#cache.getMany<number, number>(older, 0))]
    return {
      calls: sums.reduce((calls, sum) => calls + (sum % FAILURE), 0),
      fails: sums.reduce((fails, sum) => fails + Math.floor(sum / FAILURE), 0),
    }
  }

  /** Writes what was gathered. */
  async write(): Promise<void> {
    try {
      if (this.#gathered > 0) await this.#add(this.#part(), 0)
    } catch (error) {
      if (!(error instanceof CacheClosedError)) this.#cache.report(error)
    }
  }

  /** Empties the window. */
  async forget(): Promise<void> {
    this.#gathered = 0
    const part = this.#part()
    await this.#cache.deleteMany(Array.from({ length: PARTS }, (_, at) => this.#keyOf(part - at)))
  }

  /** How long successes may be gathered. */
  get gathering(): Milliseconds {
    return Math.min(GATHERING, this.#period / PARTS)
  }

  async #add(part: number, by: number): Promise<number> {
    const gathered = this.#gathered
    this.#gathered = 0
    const lifetime = this.#period + this.#period / PARTS
    return this.#cache.count(newSpot(this.#keyOf(part)), gathered + by, lifetime)
  }

  #part(): number {
    return Math.floor((Date.now() * PARTS) / this.#period)
  }

  #keyOf(part: number): string {
    return `${this.#key}:${part}`
  }
}
