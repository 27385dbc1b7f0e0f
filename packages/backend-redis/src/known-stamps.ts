import type { Milliseconds, StepRecords } from '@cashews/core'
import { headOf } from './tagged-bytes.ts'

/** How many records are remembered at most. */
const MOST = 8_192

interface Known {
  /** The tag as JSON. */
  readonly tag: string
  readonly stamp: string
  /** Until when the record lives at least, in the time of {@link monotonicNow}. */
  readonly until: Milliseconds
}

/** What the records of some tags are thought to hold. */
interface Thought {
  /** The stamps, joined by `","`; `''` unless all are known. */
  readonly stamps: string
  /** The head of a value with these tags ({@link headOf}), without stamps unless all are known. */
  readonly head: string
}

type TagRecords = StepRecords['records']

/**
 * Remembers what records of tags held when this process last wrote beside them, and how long they live at least: whoever
 * holds a stamp is never made to live shorter. A hint, which the script that is told checks: a record that changed has
 * another stamp, for ever.
 */
export class KnownStamps {
  readonly #known = new Map<string, Known>()

  /** What the records are thought to hold that live until a moment. */
  thought(records: TagRecords, until: Milliseconds): Thought {
    let tags = ''
    let stamps = ''
    for (const { key } of records) {
      const known = this.#known.get(key)
      if (known === undefined || known.until < until) return { stamps: '', head: headOf(tagsIn(records), []) }
      tags = tags === '' ? known.tag : `${tags},${known.tag}`
      stamps = stamps === '' ? known.stamp : `${stamps}","${known.stamp}`
    }
    return { stamps, head: `[[${tags}],["${stamps}"]]` }
  }

  /**
   * @param told What a script answers that was sent at a moment: a number, then a stamp and the time left of each record.
   */
  note(records: TagRecords, told: readonly (Buffer | number)[], sentAt: Milliseconds): void {
    if (this.#known.size + records.length > MOST) this.#known.clear()
    for (const [nth, { key, tag }] of records.entries()) {
      const [stamp, left] = [told[2 * nth + 1], told[2 * nth + 2] as number]
      if (stamp === undefined) return
      const until = left < 0 ? Number.POSITIVE_INFINITY : sentAt + left
      this.#known.set(key, { tag: JSON.stringify(tag), stamp: String(stamp), until })
    }
  }
}

/** The tags of records. A record that is only looked at has none. */
export function tagsIn(records: TagRecords): string[] {
  return records.flatMap(({ tag }) => (tag === undefined ? [] : [tag]))
}
