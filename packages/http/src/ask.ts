import type { CacheControl } from './cache-control.ts'
import type { Wanted } from './response-store.ts'

/** A request that a cache may answer, and on what terms. */
export interface Ask extends Wanted {
  readonly directives: CacheControl
  /** Whether the request carries credentials that nothing was told to vary by. */
  readonly isPersonal: boolean
  /** Whether it has waited for the response to another. */
  readonly hasWaited: boolean
  /** Whether it was made to refresh what is stored. */
  readonly isRefresh: boolean
}
