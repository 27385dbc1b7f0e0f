import type { Milliseconds } from '@cashews/core'

/**
 * How long after its call a write may still be attempted: each of the caches that use a store has a patience of its own.
 */
export class Patience {
  #least: Milliseconds = Number.POSITIVE_INFINITY
  /** That of the cache whose call is being made in this moment. */
  #own: Milliseconds | undefined

  /**
   * The patience of the call that is being made. A later step of a call, which may be that of any cache, has the least, so that
   * no cache is told of a failure before the last attempt.
   */
  get current(): Milliseconds {
    return this.#own ?? this.#least
  }

  /** Adds a cache. Returns a function that makes a call of this cache. */
  add(patience: Milliseconds): <T>(make: () => T) => T {
    this.#least = Math.min(this.#least, patience)
    return (make) => {
      const outer = this.#own
      this.#own = patience
      try {
        return make()
      } finally {
        this.#own = outer
      }
    }
  }
}
