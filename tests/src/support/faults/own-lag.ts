import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

const INTERVAL = 1

/**
 * Measures how long this thread delays its timers by its own work, without the time when it was idle or waited for a
 * processor.
 */
export class OwnLag implements Disposable {
  readonly #timer: NodeJS.Timeout
  #seen = now()
  #most = 0

  constructor() {
    this.#timer = setInterval(() => this.#look(), INTERVAL)
  }

  /** In milliseconds. */
  get most(): number {
    this.#look()
    return this.#most
  }

  #look(): void {
    const [before, after] = [this.#seen, now()]
    const ran = after.time - before.time - (after.queued - before.queued)
    this.#most = Math.max(this.#most, Math.min(ran - INTERVAL, after.active - before.active))
    this.#seen = after
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

/** The time, how long the event loop was active, and how long this thread has waited for a processor. */
function now(): { readonly time: number; readonly active: number; readonly queued: number } {
  return { time: performance.now(), active: performance.eventLoopUtilization().active, queued: queued() }
}

/** How long this thread has waited for a processor, in milliseconds; 0 where Linux does not count it. */
function queued(): number {
  try {
    const [, nanoseconds] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')
    return Number(nanoseconds) / 1e6
  } catch {
    return 0
  }
}
