import { monitorEventLoopDelay } from 'node:perf_hooks'
import { expect, inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    judgesTime?: boolean
  }
}

/** The measured effect of a fault. */
export type Measured = Readonly<Record<string, number | string | boolean>>

/** Prints one line of JSON about a promise, and fails the test if it was broken. */
export function report(id: string, promise: string, measured: Measured, pass: boolean): void {
  process.stdout.write(`${JSON.stringify({ id, promise, measured, pass })}\n`)
  expect(pass, `${id}: ${promise}; measured ${JSON.stringify(measured)}`).toBe(true)
}

/** Whether something took no longer than the bound. Always true in `pnpm test`, where other tests run at the same time. */
export function within(took: number, bound: number): boolean {
  return took <= bound || !inject('judgesTime')
}

/** Measures how long calls take, and how late the timers of this process were meanwhile. */
export class Stopwatch {
  readonly #times: number[] = []
  readonly #delay = monitorEventLoopDelay({ resolution: 5 })

  constructor() {
    this.#delay.enable()
  }

  get count(): number {
    return this.#times.length
  }

  /** The greatest delay of timers, in milliseconds, which a busy machine causes. */
  get lateness(): number {
    return Math.max(0, this.#delay.max / 1e6 - 5)
  }

  async time<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    try {
      return await work()
    } finally {
      this.#times.push(performance.now() - start)
    }
  }

  /** The time within which this share of the calls ended, in milliseconds. */
  quantile(part: number): number {
    const sorted = [...this.#times].sort((a, b) => a - b)
    return round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0)
  }

  get max(): number {
    return this.quantile(1)
  }
}

export function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10
}
