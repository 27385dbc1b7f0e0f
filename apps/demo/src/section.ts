import type { Cache } from '@cashews/core'
import type { City } from './cities/city.ts'
import type { Report } from './print/report.ts'

/** What a section works with. No key that starts with `demo:` is stored when it begins. */
export interface Stage {
  readonly cache: Cache
  readonly cities: readonly City[]
  readonly report: Report
}

/** One thing that caching does for a service: shown, measured and checked. */
export interface Section {
  readonly title: string
  /** What the reader is about to see, in a sentence. */
  readonly promise: string
  show(stage: Stage): Promise<void>
}
