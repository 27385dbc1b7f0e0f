import type { Awaitable } from './awaitable.ts'
import type { Milliseconds, TagsAhead } from './backend.ts'
import type { Detection } from './detect.ts'
import type { Flight, LoadCall } from './flight.ts'

/** What a strategy tells of a call before it is made. */
export type Seen = Pick<Detection, 'strategy' | 'template' | 'ttl'>

/**
 * How a load is shared with those who ask for its key meanwhile, and whether what is stored spares it.
 *
 * |         | joins one that is under way | lets others join | is spared by what is stored |
 * | ------- | -------------------------- | ---------------- | --------------------------- |
 * | `join`  | yes                        | yes              | yes                         |
 * | `renew` | yes                        | yes              | no                          |
 * | `anew`  | no                         | yes              | no                          |
 * | `alone` | no                         | no               | yes                         |
 * | `apart` | no                         | no               | no                          |
 */
export type Sharing = 'join' | 'renew' | 'anew' | 'alone' | 'apart'

/** A read-through, the same for all calls of a function: look, and load on a miss. */
export interface ReadThrough<T> {
  /** @default 'join' */
  readonly sharing?: Sharing | undefined
  /** Told to `detect`; called only when somebody detects. */
  readonly seen: () => Seen
  /** Whether the strategy tells of the load by `Cache.detected`, and this is not to tell of it again. @default false */
  readonly isTold?: boolean
  /** Whether `load` lands the flight itself, which spares a promise. @default false */
  readonly lands?: boolean
  /**
   * Loads the value. The flight tells the call, is the lease to store it with, and takes its outcome. By `isNewer`, a strategy
   * around it tells what is stored meanwhile that spares the load.
   */
  readonly load: (flight: Flight<T>, isNewer?: (stored: unknown) => boolean) => Promise<T>
  /** Makes the answer of what is stored. Absent: it is the answer. */
  readonly found?: ((stored: unknown, flight: Flight<T>) => Awaitable<T>) | undefined
  /** Whether the load has to know if a strategy inside it answered from the cache. */
  readonly watchesInside?: boolean | undefined
  /** Under which the result will be stored. Asked before the load begins. */
  readonly tags?: ((call: LoadCall) => TagsAhead) | undefined
  /** The longest time it stores for: from it, and the time that is left, follows the age of what is stored. */
  readonly longest?: Milliseconds | undefined
}
