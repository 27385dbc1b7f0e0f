import { LONGEST_TIMER, LockedError, type Milliseconds } from '@cashews/core'

/** Renews locks while they are held, and notices when one was lost. */
export class LockRenewal {
  readonly #lifetime: Milliseconds
  readonly #renew: () => Promise<boolean | undefined>
  #timer: NodeJS.Timeout | undefined
  #renewedAt = 0
  #lost: LockedError | undefined

  /**
   * @param lifetime How long a lock is held that is not renewed.
   * @param renew Renews all of them: resolves to `false` when one was gone, to `undefined` when the store was away.
   */
  constructor(lifetime: Milliseconds, renew: () => Promise<boolean | undefined>) {
    this.#lifetime = lifetime
    this.#renew = renew
  }

  /** Called when the first lock was taken. */
  start(): void {
    if (this.#timer !== undefined) return
    this.#renewedAt = performance.now()
    this.#timer = setInterval(() => void this.#renewAll(), Math.min(this.#lifetime / 3, LONGEST_TIMER))
    this.#timer.unref()
  }

  /** Called when the last lock was freed. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** @throws {LockedError} When one of the locks was lost. */
  check(): void {
    if (this.#timer !== undefined && performance.now() - this.#renewedAt > this.#lifetime) this.#lose()
    if (this.#lost) throw this.#lost
  }

  /** A store that is away is tried again, until the locks have expired by our own clock. */
  async #renewAll(): Promise<void> {
    const began = performance.now()
    const areRenewed = await this.#renew()
    if (areRenewed) this.#renewedAt = began
    else if (areRenewed === false && this.#timer !== undefined) this.#lose()
  }

  #lose(): void {
    this.#lost ??= new LockedError(
      'A lock of the transaction was lost: it was not renewed in time. Nothing is written. Give it a longer timeout.',
    )
  }
}
