/** Up to here a list is searched faster than a set. */
const MOST_OF_FEW = 16

/** The objects that a look at a value met, and which of them it met again. */
export class Met {
  /** Few in a list, many in a set. */
  readonly #few: object[] = []
  #many: Set<object> | undefined
  /** The objects that occur more than once. Absent when there is none. */
  repeated: Set<object> | undefined

  /** Notes an object; one that was met before as repeated. */
  isNew(value: object): boolean {
    const few = this.#few
    if (this.#many === undefined) {
      for (let at = 0; at < few.length; at++) if (few[at] === value) return this.#isRepeated(value)
      few.push(value)
      if (few.length === MOST_OF_FEW) this.#many = new Set(few)
      return true
    }
    const { size } = this.#many
    return this.#many.add(value).size > size || this.#isRepeated(value)
  }

  #isRepeated(value: object): false {
    this.repeated ??= new Set()
    this.repeated.add(value)
    return false
  }
}
