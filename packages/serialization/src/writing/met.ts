/** Up to this size, a list is searched faster than a set. */
const MOST_OF_FEW = 16

/** The objects found in a walk through a value, and those that were found repeatedly. */
export class Met {
  /** In a list while they are few, then in a set. */
  readonly #few: object[] = []
  #many: Set<object> | undefined
  /** The objects that occur more than once. Absent when there is none. */
  repeated: Set<object> | undefined

  /** Notes an object, and returns whether it is new; one that was found before is repeated. */
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
