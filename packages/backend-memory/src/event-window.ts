import type { Content, WindowSlice } from '@cashews/core'
import { Cell, type Edited } from './held.ts'

/** The instants of events in a sliding window, the oldest first. */
export class EventWindow extends Cell {
  readonly #instants: number[] = []

  constructor(instants: readonly number[] = []) {
    super()
    for (const instant of instants) this.add(instant)
  }

  get bytes(): number {
    return this.#instants.length * 8
  }

  get content(): Content {
    return { kind: 'window', items: [...this.#instants] }
  }

  get isEmpty(): boolean {
    return this.#instants.length === 0
  }

  add(instant: number): void {
    let at = this.#instants.length
    while (at > 0 && (this.#instants[at - 1] as number) > instant) at--
    this.#instants.splice(at, 0, instant)
  }

  /** Does what `Windows.incr` does, for an event at an instant. */
  admit(slice: WindowSlice, at: number): Edited<{ count: number; added: boolean; age: number }> {
    const forgot = 'start' in slice ? this.#forget(slice.start, false) : this.#forget(at - slice.period, true)
    const added = this.#instants.length < slice.max
    if (added) this.add(at)
    const age = Math.max(0, at - (this.#instants[0] ?? at))
    const answer = { count: this.#instants.length, added, age }
    return [answer, added || forgot, added ? slice.lifetime : undefined]
  }

  /** Forgets events before an instant, those at it too if wished. Answers whether there were any. */
  #forget(instant: number, orAt: boolean): boolean {
    let old = 0
    while ((this.#instants[old] as number) < instant || (orAt && this.#instants[old] === instant)) old++
    if (old > 0) this.#instants.splice(0, old)
    return old > 0
  }
}
