import { monitorEventLoopDelay } from 'node:perf_hooks'
import { expect, inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    judgesTime?: boolean
  }
}

/** What a fault did, in figures. */
export type Measured = Readonly<Record<string, number | string | boolean>>

/** Prints one line of JSON about a promise, and fails when it was broken. */
export function report(id: string, promise: string, measured: Measured, pass: boolean): void {
  process.stdout.write(`${JSON.stringify({ id, promise, measured, pass })}\n`)
  expect(pass, `${id}: ${promise}; measured ${JSON.stringify(measured)}`).toBe(true)
}

/** Whether something took no longer than it may. `pnpm test` does not judge that: there, tests run beside each other. */
export function within(took: number, bound: number): boolean {
  return took <= bound || !inject('judgesTime')
}

/** Collects how long calls take, and how late this process itself was meanwhile. */
export class Stopwatch {
  readonly #times: number[] = []
  readonly #delay = monitorEventLoopDelay({ resolution: 5 })

  constructor() {
    this.#delay.enable()
  }

  get count(): number {
    return this.#times.length
  }

  /** How late timers were at most, in milliseconds: a busy machine is not a broken promise. */
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

  /** The time that this part of the calls did not exceed, in milliseconds. */
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
