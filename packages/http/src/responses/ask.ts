import type { CacheControl } from '../rules/cache-control.ts'
import type { Wanted } from './response-store.ts'

/** A request that the cache may answer, and the terms for that. */
export interface Ask extends Wanted {
  readonly directives: CacheControl
  /** Whether the request carries credentials, and `varyBy` does not tell whose. */
  readonly isPersonal: boolean
  /** Whether it has waited for the response to another request. */
  readonly hasWaited: boolean
  /** Whether it has begun anew, so that a handler it waits for now was called after it came. */
  readonly isRepeated: boolean
  /** Whether it was made to refresh what is stored. */
  readonly isRefresh: boolean
}
