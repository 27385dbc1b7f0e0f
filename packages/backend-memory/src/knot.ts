import { deepCopy, sizeOf, Twins } from '@cashews/core'
import { Held } from './held.ts'

/** A value whose parts share objects, or hold each other. Its copies do so too. */
export class Knot extends Held {
  readonly #value: unknown

  constructor(value: unknown) {
    super()
    this.#value = value
  }

  override read(): unknown {
    return deepCopy(this.#value, new Twins())
  }

  get bytes(): number {
    return sizeOf(this.#value)
  }
}
