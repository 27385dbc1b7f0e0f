/** How many requests per entry lie between two adjustments. */
const REQUESTS = 4
const STEP = 0.05
const LEAST = 0.05
const MOST = 0.8

/**
 * The share of the entries that are not evicted because they are new. If it is large, keys that are asked for only once stay
 * longer; if it is small, a key is evicted before it is asked for again. The best share is found by trying: a step in one
 * direction as long as hits become more frequent, then a step back.
 *
 * The window of Caffeine works like this: Einziger, Eytan, Friedman, Manes, "Adaptive Software Cache Management",
 * Middleware 2018.
 */
export class AdmissionWindow {
  share = 0.3
  hits = 0
  #misses = 0
  #step = STEP
  #rate = 0

  /** Counts a miss, and adjusts the share now and then. @param size The number of entries. */
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
