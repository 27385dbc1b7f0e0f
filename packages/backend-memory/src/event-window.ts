import type { Content } from '@cashews/core'
import { Cell } from './held.ts'

/** The instants of events in a sliding window, the oldest first. */
export class EventWindow extends Cell {
  static readonly noun: string = 'window'
  readonly #instants: number[] = []

  static of(instants: readonly number[]): EventWindow {
    const window = new EventWindow()
    for (const instant of instants) window.add(instant)
    return window
  }

  get bytes(): number {
    return this.#instants.length * 8
  }

  get content(): Content {
    return { kind: 'window', items: [...this.#instants] }
  }

  get count(): number {
    return this.#instants.length
  }

  /** `Infinity` when there is none. */
  get oldest(): number {
    return this.#instants[0] ?? Number.POSITIVE_INFINITY
  }

  add(instant: number): void {
    let at = this.#instants.length
    while (at > 0 && (this.#instants[at - 1] as number) > instant) at--
    this.#instants.splice(at, 0, instant)
  }

  /** Answers whether there was anything to forget. */
  forgetBefore(start: number): boolean {
    let old = 0
    while ((this.#instants[old] as number) < start) old++
    return this.#forget(old)
  }

  /** The same, of the events at that instant too. */
  forgetUntil(end: number): boolean {
    let old = 0
    while ((this.#instants[old] as number) <= end) old++
    return this.#forget(old)
  }

  #forget(old: number): boolean {
    if (old > 0) this.#instants.splice(0, old)
    return old > 0
  }
}
