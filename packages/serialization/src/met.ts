/** Up to here a list is searched faster than a set. */
const MOST_OF_FEW = 16

/** The objects that were met on the way through a value. */
export class Met {
  readonly #few: object[] = []
  #many: Set<object> | undefined

  /** Notes an object. Answers whether it was not met before. */
  isNew(object: object): boolean {
    const many = this.#many
    if (many) {
      const { size } = many
      return many.add(object).size > size
    }
    const few = this.#few
    for (let at = 0; at < few.length; at++) if (few[at] === object) return false
    few.push(object)
    if (few.length === MOST_OF_FEW) this.#many = new Set(few)
    return true
  }
}
