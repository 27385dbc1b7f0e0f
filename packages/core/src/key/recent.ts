import type { Spot } from '../backend.ts'
import { getOrMake } from '../basics/get-or-make.ts'
import { MAX_KEY_LENGTH } from './limit.ts'

/** How many calls are remembered. */
const MOST_CALLS = 16_384

/** Whether a value is compared by content, and always rendered the same. */
function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === undefined
}

/** Makes the spot of a key that no store has looked up yet. */
export function newSpot(key: string): Spot {
  return { key, store: undefined, at: 0, note: undefined }
}

/**
 * Remembers the keys of recent calls that depend on at most two plain arguments, and where the store found them. This is cheaper
 * than rendering a key again and looking it up. When there are too many, all are forgotten: frequent ones are soon back. Hashed
 * keys are not remembered, because their arguments may be huge.
 */
export class RecentCalls {
  /** The positions of the arguments that the key depends on; `undefined` for anything else that it depends on. */
  readonly positions: ReadonlySet<number | undefined>
  readonly #first: number
  readonly #second: number
  readonly #known = new Map<unknown, Spot | Map<unknown, Spot>>()
  #size = 0
  /** The key of all calls, if it depends on no argument. */
  #only: Spot | undefined

  constructor(positions: ReadonlySet<number | undefined>) {
    const [first = -1, second = -1] = positions
    this.positions = positions
    this.#first = positions.size > 2 || positions.has(undefined) ? -1 : first
    this.#second = second
  }

  find(args: readonly unknown[]): Spot | undefined {
    if (this.#first < 0) return this.#only
    const found = this.#known.get(args[this.#first])
    return this.#second < 0 ? (found as Spot) : (found as Map<unknown, Spot> | undefined)?.get(args[this.#second])
  }

  add(args: readonly unknown[], spot: Spot): void {
    if (this.positions.size === 0) this.#only = spot
    if (this.#first < 0 || spot.key.length >= MAX_KEY_LENGTH) return
    const first = args[this.#first]
    const second = this.#second < 0 ? undefined : args[this.#second]
    if (!isPlain(first) || !isPlain(second)) return
    if (++this.#size > MOST_CALLS) {
      this.#known.clear()
      this.#size = 1
    }
    if (this.#second < 0) this.#known.set(first, spot)
    else (getOrMake(this.#known, first, () => new Map()) as Map<unknown, Spot>).set(second, spot)
  }
}
