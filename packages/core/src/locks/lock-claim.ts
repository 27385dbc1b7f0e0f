import type { Milliseconds } from '../backend.ts'
import { type Awaitable, chain } from '../basics/awaitable.ts'
import { whenBack } from '../outages/when-back.ts'

/** What the holder of a lock knows about its state in the store. */
export class LockClaim {
  /** Until when the store may hold the lock: a time of `performance.now()`. */
  #until: Milliseconds = 0

  /** Follows the store's answer to a request for the lock. Until there is an answer, the lock may have been taken. */
  taken(held: Awaitable<boolean>, lifetime: Milliseconds): Awaitable<boolean> {
    this.#until = performance.now() + lifetime
    return chain(held, (held) => {
      if (!held) this.#until = 0
      return held
    })
  }

  /** Follows the store's answer to a release. */
  freed(freed: Awaitable<boolean>): Awaitable<boolean> {
    return chain(freed, (freed) => {
      this.#until = 0
      return freed
    })
  }

  /** Frees the lock; once the store is back, if it is unreachable. Otherwise the lock would stay until its ttl is over. */
  async release(unlock: () => Promise<boolean>): Promise<boolean> {
    try {
      return await unlock()
    } finally {
      // Does nothing if the lock is free: its time is over then.
      whenBack(() => unlock().then(() => this.#until === 0), this.#until)
    }
  }
}
