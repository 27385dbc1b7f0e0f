import type { Content, WindowSlice } from '@cashews/core'
import { Cell, type Edited } from '../values/held.ts'

/** The instants of the events in a sliding window, oldest first. */
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

  /** Does what `Windows.incr` does, for an event at this instant. */
  admit(slice: WindowSlice, at: number): Edited<{ count: number; added: boolean; age: number }> {
    const old = this.#countOld(slice, at)
    if (old > 0) this.#instants.splice(0, old)
    const added = this.#instants.length < slice.max
    if (added) this.add(at)
    const age = Math.max(0, at - (this.#instants[0] ?? at))
    const answer = { count: this.#instants.length, added, age }
    return [answer, added || old > 0, added ? slice.lifetime : undefined]
  }

  /** The number of events that are no longer in the window. */
  #countOld(slice: WindowSlice, at: number): number {
    let old = 0
    if ('start' in slice) while ((this.#instants[old] as number) < slice.start) old++
    else while ((this.#instants[old] as number) <= at - slice.period) old++
    return old
  }
}
