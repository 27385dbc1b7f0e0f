import type { Milliseconds } from '@cashews/core'
import { isBusy } from '../errors.ts'

/** The longest pause between two looks whether a lock is gone. */
const LONGEST_PAUSE: Milliseconds = 16

/** Waits while another process holds the write lock of a file. All who wait share one probe. */
export class Unlocking {
  readonly #attempt: () => void
  readonly #timeout: Milliseconds
  readonly #lockedError: () => Error
  /** Resolves when the lock is released. */
  #released: Promise<void> | undefined

  /**
   * @param attempt Takes the lock, and frees it again.
   * @param lockedError What to throw when it stayed locked for longer than `timeout`.
   */
  constructor(attempt: () => void, timeout: Milliseconds, lockedError: () => Error) {
    this.#attempt = attempt
    this.#timeout = timeout
    this.#lockedError = lockedError
  }

  /** Whether somebody waits. */
  get isUnderWay(): boolean {
    return this.#released !== undefined
  }

  /** Resolves when no other connection writes. */
  released(): Promise<void> {
    this.#released ??= this.#probe().finally(() => {
      this.#released = undefined
    })
    return this.#released
  }

  /** Resolves when nobody waits any more. */
  async ended(): Promise<void> {
    while (this.#released) await this.#released
  }

  async #probe(): Promise<void> {
    const deadline = performance.now() + this.#timeout
    for (let pause = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)))
      try {
        this.#attempt()
        return
      } catch (error) {
        if (!isBusy(error)) return // The waiting writes will run into it themselves.
        if (performance.now() >= deadline) throw this.#lockedError()
      }
    }
  }
}
