import { LONGEST_TIMER, LockedError, type Milliseconds } from '@cashews/core'

/** Keeps locks from ending while they are held, and knows when it came too late. */
export class LockRenewal {
  readonly #lifetime: Milliseconds
  readonly #renew: () => Promise<boolean | undefined>
  #timer: NodeJS.Timeout | undefined
  #renewedAt = 0
  #lost: LockedError | undefined

  /**
   * @param lifetime How long a lock is held that is not renewed.
   * @param renew Renews all of them: answers `false` when one was no longer there, `undefined` when the store was away.
   */
  constructor(lifetime: Milliseconds, renew: () => Promise<boolean | undefined>) {
    this.#lifetime = lifetime
    this.#renew = renew
  }

  /** Begins with the first lock, which was just taken. */
  start(): void {
    if (this.#timer !== undefined) return
    this.#renewedAt = performance.now()
    this.#timer = setInterval(() => void this.#renewAll(), Math.min(this.#lifetime / 3, LONGEST_TIMER))
    this.#timer.unref()
  }

  /** Ends with the last one. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** @throws {LockedError} When one of the locks has ended. */
  check(): void {
    if (this.#timer !== undefined && performance.now() - this.#renewedAt > this.#lifetime) this.#lose()
    if (this.#lost) throw this.#lost
  }

  /** A store that is away for a moment is asked again, until the locks have ended by our own clock. */
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
