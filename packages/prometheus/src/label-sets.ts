/** How many different values a label may have: what comes later is told as `other`. */
const MOST_LABEL_VALUES = 1_000

/** Keeps the number of series bounded, whatever keys, tags and templates a program makes. */
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
