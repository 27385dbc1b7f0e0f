import type { Milliseconds } from './backend.ts'
import type { Cache } from './cache.ts'
import { outsideScope } from './scope.ts'

/** How long the lock of a process that died keeps the others away. It is renewed while the refresh runs. */
const LOCK_LIFETIME: Milliseconds = 30_000
/** A refresh that has not ended by then is taken for one that never does, and the next may start. */
const LONGEST: Milliseconds = 600_000
/** How long after a failure the next is tried, and after another process was found to refresh. */
const RETRY_AFTER: Milliseconds = 1_000

/** Refreshes in the background, one at a time for each key, in all processes that share the store. */
export class Refreshes {
  readonly #cache: Cache
  readonly #underWay = new Set<string>()

  constructor(cache: Cache) {
    this.#cache = cache
  }

  /**
   * Starts a refresh, unless one is under way, in this process or, as of a moment ago, in another, or has just failed. A
   * failure is reported.
   *
   * @param isDue Whether what is stored by then still needs it: another process may have been faster.
   */
  start(key: string, isDue: (stored: unknown) => boolean, refresh: () => Promise<unknown>): void {
    if (this.#underWay.has(key)) return
    this.#underWay.add(key)
    const done = () => this.#underWay.delete(key)
    const refreshIfDue = async () => {
      if (isDue(await this.#cache.read(key))) await refresh()
    }
    const doneLater = () => setTimeout(done, RETRY_AFTER).unref()
    outsideScope(() => this.#locked(key, refreshIfDue, done)).then(
      (hasRun) => (hasRun ? done() : doneLater()),
      (error) => {
        this.#cache.report(error)
        doneLater()
      },
    )
  }

  /**
   * Answers whether it got the lock.
   *
   * @param giveUp Called when the end of the refresh is waited for no longer.
   */
  async #locked(name: string, refresh: () => Promise<void>, giveUp: () => void): Promise<boolean> {
    // The caller gets the old answer first: what the function does at once would be in its way.
    await new Promise((resolve) => setImmediate(resolve))
    // By the same prefix as the key: in the store that its processes share.
    const lock = this.#cache.lockStore(`${name} refresh`)
    const token = crypto.randomUUID()
    let isUnderWay = true
    let isHeld = true
    const renewal = setInterval(
      () => lock.extend(token, LOCK_LIFETIME).catch(() => undefined),
      LOCK_LIFETIME / 3,
    ).unref()
    const letGo = this.#cache.postpone(async () => {
      clearInterval(renewal)
      if (isUnderWay) giveUp()
      if (isHeld) await lock.release(token)
    }, LONGEST)
    try {
      isHeld = await lock.acquire(token, LOCK_LIFETIME)
      if (isHeld) await refresh()
      return isHeld
    } finally {
      isUnderWay = false
      await letGo()
    }
  }
}
