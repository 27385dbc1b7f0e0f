import { deepCopy, sizeOf, Twins } from '@cashews/core'
import { Held } from './held.ts'

/** A value in which an object occurs more than once, or contains itself. Copies keep this structure. */
export class ObjectGraph extends Held {
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
