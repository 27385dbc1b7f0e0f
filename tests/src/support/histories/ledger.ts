import type { Milliseconds } from '@cashews/core'

/** A value, from the beginning of the load or the write that makes it. Moments are numbered in their order. */
export interface Made {
  readonly key: string
  readonly value: string
  readonly isLoad: boolean
  /** When the first call began that may have started its load. */
  readonly asked: number
  /** `Infinity` while it belongs to a transaction that has not begun to commit. */
  began: number
  readonly beganAt: Milliseconds
  ended: number
  /** When it ended, by the clock. */
  endedAt: Milliseconds
  /** When a caller first got it. */
  answered: number
  /** How many calls got it that began after that. */
  uses: number
}

/** Something that makes older values of some keys invalid: at an unknown moment between its beginning and its end. */
export interface Change {
  readonly what: string
  readonly affects: (key: string) => boolean
  readonly began: number
  ended: number
}

/** When somebody asked for a value. */
export interface Asked {
  readonly began: number
  readonly beganAt: Milliseconds
}

/** Notes what is made, changed and answered in a history, and which promises that breaks. */
export class Ledger {
  readonly broken: string[] = []
  readonly #ttl: Milliseconds
  readonly #made = new Map<string, Made>()
  readonly #changes = new Set<Change>()
  #moment = 0

  constructor(ttl: Milliseconds) {
    this.#ttl = ttl
  }

  next(): number {
    return ++this.#moment
  }

  ask(): Asked {
    return { began: this.next(), beganAt: Date.now() }
  }

  /** @param asked For a load: when the first call began that may have started it. */
  make(key: string, asked?: number): Made {
    const { began, beganAt } = this.ask()
    const value = `${key} ${began}`
    const never = { ended: Infinity, endedAt: Infinity, answered: Infinity, uses: 0 }
    const made = { key, value, isLoad: asked !== undefined, asked: asked ?? began, began, beganAt, ...never }
    this.#made.set(made.value, made)
    return made
  }

  end(made: Made): void {
    made.ended = this.next()
    made.endedAt = Date.now()
  }

  change(what: string, affects: Change['affects'], began: number = this.next()): Change {
    const change = { what, affects, began, ended: Infinity }
    this.#changes.add(change)
    return change
  }

  takeBack(change: Change): void {
    this.#changes.delete(change)
  }

  /** Whether a key may have been changed since a moment. */
  isChanged(key: string, since: number): boolean {
    return [...this.#changes].some(({ affects, ended }) => ended > since && affects(key))
  }

  /** The values of a key, the oldest first. */
  of(key: string): Made[] {
    return [...this.#made.values()].filter((made) => made.key === key)
  }

  /** Judges an answer. */
  answer(key: string, value: unknown, asked: Asked): Made | undefined {
    if (value === undefined) return undefined
    const made = this.#made.get(String(value))
    if (made?.key !== key || made.began === Infinity) {
      this.broken.push(`${key} was answered ${value}, which is no value of it, or none yet`)
      return undefined
    }
    const since = made.isLoad ? made.began : made.ended
    for (const { what, affects, began, ended } of this.#changes)
      if (began > since && ended < asked.began && affects(key))
        this.broken.push(`${value} was answered at ${asked.began}, after ${what} from ${began} to ${ended}`)
    if (made.answered < asked.began) {
      made.uses++
      if (made.endedAt + this.#ttl <= asked.beganAt) this.broken.push(`${value} was answered after its ttl`)
    }
    made.answered = Math.min(made.answered, this.next())
    return made
  }
}
