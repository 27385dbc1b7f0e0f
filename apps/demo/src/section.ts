import type { Cache } from '@cashews/core'
import type { City } from './cities/city.ts'
import type { Report } from './print/report.ts'

/** What a section works with. No key with the prefix `demo:` is stored when it begins. */
export interface Stage {
  readonly cache: Cache
  readonly cities: readonly City[]
  readonly report: Report
}

/** One feature, shown, measured and checked. */
export interface Section {
  readonly title: string
  /** What the reader is about to see, in a sentence or two. */
  readonly promise: string
  show(stage: Stage): Promise<void>
}
