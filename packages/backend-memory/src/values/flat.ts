import { sizeOf } from '@cashews/core'
import { Held } from './held.ts'

/** A plain object of primitives: copying it is one object spread. */
export class Flat extends Held {
  readonly #fields: object

  constructor(fields: object) {
    super()
    this.#fields = fields
  }

  override read(): unknown {
    return { ...this.#fields }
  }

  get bytes(): number {
    return sizeOf(this.#fields)
  }
}
