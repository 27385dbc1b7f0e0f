import type { Milliseconds } from './backend.ts'
import type { Cache } from './cache.ts'
import { outsideScope } from './scope.ts'

/** How long the refresh of one process keeps those of others away. */
const LOCK_TTL = '30s'
/** How long after a failure the next is tried. */
const RETRY_AFTER: Milliseconds = 1_000

/** Refreshes in the background, one at a time for each key, in all processes that share the store. */
export class Refreshes {
  readonly #cache: Cache
  readonly #underWay = new Set<string>()

  constructor(cache: Cache) {
    this.#cache = cache
  }

  /**
   * Starts a refresh, unless one is under way or has just failed. A failure is reported.
   *
   * @param isDue Whether what is stored by then still needs it: another process may have been faster.
   */
  start(key: string, isDue: (stored: unknown) => boolean, refresh: () => Promise<unknown>): void {
    if (this.#underWay.has(key)) return
    this.#underWay.add(key)
    const done = () => this.#underWay.delete(key)
    outsideScope(() => this.#run(key, isDue, refresh)).then(done, (error) => {
      this.#cache.report(error)
      setTimeout(done, RETRY_AFTER).unref()
    })
  }

  async #run(key: string, isDue: (stored: unknown) => boolean, refresh: () => Promise<unknown>): Promise<void> {
    // The caller gets the old answer first: what the function does at once would be in its way.
    await new Promise((resolve) => setImmediate(resolve))
    // By the same prefix as the key: in the store that its processes share.
    const [lock, token] = [`${key} refresh`, crypto.randomUUID()]
    if (!(await this.#cache.setLock(lock, token, { ttl: LOCK_TTL }))) return
    try {
      if (isDue(await this.#cache.call<'get'>({ command: 'get', key }))) await refresh()
    } finally {
      await this.#cache.unlock(lock, token)
    }
  }
}
