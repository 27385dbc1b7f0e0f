import type { Milliseconds } from '../backend.ts'
import type { Engine } from '../engine.ts'
import { outsideScope } from '../scope/scope.ts'

/** How long the lock of a process that died blocks the others; otherwise the lock is renewed while the refresh runs. */
const LOCK_LIFETIME: Milliseconds = 30_000
/** When a refresh that has not ended is given up, so that the next one may start. */
const LONGEST: Milliseconds = 600_000
/** How long to wait after a failure, or when another process is already refreshing. */
const RETRY_AFTER: Milliseconds = 1_000

/** Refreshes in the background: one at a time for each key, among all processes that share the store. */
export class Refreshes {
  readonly #engine: Engine
  readonly #underWay = new Set<string>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /**
   * Starts a refresh, unless one is running in this process or another, or has failed within the last second. A failure is
   * reported.
   *
   * @param isDue Whether the stored value still needs a refresh: another process may have been faster.
   */
  start(key: string, isDue: (stored: unknown) => boolean, refresh: () => Promise<unknown>): void {
    if (this.#underWay.has(key)) return
    this.#underWay.add(key)
    const done = () => this.#underWay.delete(key)
    const refreshIfDue = async () => {
      if (isDue(await this.#engine.read(key))) await refresh()
    }
    const doneLater = () => setTimeout(done, RETRY_AFTER).unref()
    outsideScope(() => this.#locked(key, refreshIfDue, done)).then(
      (hasRun) => (hasRun ? done() : doneLater()),
      (error) => {
        this.#engine.report(error)
        doneLater()
      },
    )
  }

  /**
   * Resolves to whether it got the lock.
   *
   * @param giveUp Called when the refresh has taken too long and is no longer waited for.
   */
  async #locked(name: string, refresh: () => Promise<void>, giveUp: () => void): Promise<boolean> {
    // In a later turn, so that the synchronous part of the function does not delay the caller, who gets the old value.
    await new Promise((resolve) => setImmediate(resolve))
    // The name begins with the key, so that the lock is routed to the same store.
    const lock = this.#engine.lockStore(`${name} refresh`)
    const token = crypto.randomUUID()
    let isUnderWay = true
    let isHeld = true
    const renewal = setInterval(
      () => lock.extend(token, LOCK_LIFETIME).catch(() => undefined),
      LOCK_LIFETIME / 3,
    ).unref()
    const letGo = this.#engine.postpone(async () => {
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
