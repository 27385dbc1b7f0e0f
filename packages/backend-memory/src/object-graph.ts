import { deepCopy, sizeOf, Twins } from '@cashews/core'
import { Held } from './held.ts'

/** A value in which one object occurs twice, or holds itself. Its copies have the same shape. */
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
