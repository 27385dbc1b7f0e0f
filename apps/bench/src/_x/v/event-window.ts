import { Cell } from './held.ts'

/** The instants of events in a sliding window, the oldest first. */
export class EventWindow extends Cell {
  static readonly noun: string = 'window'
  readonly #instants: number[] = []

  get bytes(): number {
    return this.#instants.length * 8
  }

  get count(): number {
    return this.#instants.length
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
    if (old > 0) this.#instants.splice(0, old)
    return old > 0
  }
}
