import type { Milliseconds } from '@cashews/core'
import { monotonicNow } from './monotonic.ts'

/** How many records are remembered at most. */
const MOST = 8_192

interface Known {
  readonly stamp: string
  /** Until when the record lives at least, in the time of {@link monotonicNow}. */
  readonly until: number
}

/**
 * Remembers what records of tags held when this process last wrote beside them, and how long they live at least: whoever
 * holds a stamp is never made to live shorter. A hint, which the script that is told checks: a record that changed has
 * another stamp, for ever.
 */
export class KnownStamps {
  readonly #known = new Map<string, Known>()

  /** What the records hold, joined for {@link SET_TAGGED}; `''` unless all are known to live as long as a value. */
  outliving(lifetime: Milliseconds, records: readonly { readonly key: string }[]): string {
    const end = monotonicNow() + lifetime
    let joined = ''
    for (const { key } of records) {
      const known = this.#known.get(key)
      if (known === undefined || known.until < end) return ''
      joined = joined === '' ? known.stamp : `${joined}","${known.stamp}`
    }
    return joined
  }

  /**
   * @param told What a script answers that was sent at a moment: a number, then a stamp and the time left of each record.
   */
  note(records: readonly { readonly key: string }[], told: readonly (Buffer | number)[], sentAt: number): void {
    if (this.#known.size + records.length > MOST) this.#known.clear()
    for (const [nth, { key }] of records.entries()) {
      const [stamp, left] = [told[2 * nth + 1], told[2 * nth + 2] as number]
      if (stamp === undefined) return
      this.#known.set(key, { stamp: String(stamp), until: left < 0 ? Number.POSITIVE_INFINITY : sentAt + left })
    }
  }
}
