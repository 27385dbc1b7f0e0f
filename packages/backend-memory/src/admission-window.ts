/** How many requests for each entry there are between two looks. */
const REQUESTS = 4
const STEP = 0.05
const LEAST = 0.05
const MOST = 0.8

/**
 * The share of the entries that are left alone because they are new. Much of it and keys that are asked for once stay
 * longer, little and a key goes before it was asked for a second time. The best is found by trying: a step on as long as
 * hits get more, else a step back.
 *
 * So does the window of Caffeine: Einziger, Eytan, Friedman, Manes, "Adaptive Software Cache Management", Middleware 2018.
 */
export class AdmissionWindow {
  share = 0.3
  hits = 0
  #misses = 0
  #step = STEP
  #rate = 0

  /** @param size How many entries there are. */
  miss(size: number): void {
    const requests = this.hits + ++this.#misses
    if (requests < size * REQUESTS) return
    const rate = this.hits / requests
    if (rate <= this.#rate) this.#step = -this.#step
    this.#rate = rate
    this.share = Math.min(Math.max(this.share + this.#step, LEAST), MOST)
    this.hits = 0
    this.#misses = 0
  }
}
