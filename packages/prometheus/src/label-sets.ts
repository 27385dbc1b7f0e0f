/** The most distinct values of a label; further ones are reported as `other`. */
const MOST_LABEL_VALUES = 1_000

/** Bounds the number of series, however many keys, tags and templates a program has. */
export class BoundedLabel {
  readonly #seen = new Set<string>()

  /** The value, or `other` once there are too many. */
  of(value: string): string {
    if (this.#seen.has(value)) return value
    if (this.#seen.size >= MOST_LABEL_VALUES) return 'other'
    this.#seen.add(value)
    return value
  }
}
