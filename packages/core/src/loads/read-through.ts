import type { Milliseconds, TagsAhead } from '../backend.ts'
import type { Awaitable } from '../basics/awaitable.ts'
import type { Detection } from '../watching/detect.ts'
import type { Flight, LoadCall } from './flight.ts'

/** What a strategy knows about a call in advance. */
export type Seen = Pick<Detection, 'strategy' | 'template' | 'ttl'>

/**
 * Whether a load is shared with concurrent callers of its key, and whether a stored value makes it unnecessary.
 *
 * |         | joins a load under way | lets others join | uses a stored value |
 * | ------- | ---------------------- | ---------------- | ------------------- |
 * | `join`  | yes                    | yes              | yes                 |
 * | `renew` | yes                    | yes              | no                  |
 * | `anew`  | no                     | yes              | no                  |
 * | `alone` | no                     | no               | yes                 |
 * | `apart` | no                     | no               | no                  |
 */
export type Sharing = 'join' | 'renew' | 'anew' | 'alone' | 'apart'

/** Whether the function runs whatever is stored, so that the read only takes the lease. */
export function isBlind({ sharing }: Pick<ReadThrough<unknown>, 'sharing'>): boolean {
  return sharing === 'anew' || sharing === 'renew' || sharing === 'apart'
}

/** How the calls of a function are answered: by a read, and by a load on a miss. */
export interface ReadThrough<T> {
  /** How the load is shared. @default 'join' */
  readonly sharing?: Sharing | undefined
  /** For `detect` and tallies; called only when they are used. */
  readonly seen: () => Seen
  /** Whether the strategy reports to `detect` itself, by `Cache.detected`. @default false */
  readonly isTold?: boolean
  /** Whether `load` lands the flight itself, which saves a promise. @default false */
  readonly lands?: boolean
  /**
   * Loads the value. The flight has the call, and the lease for storing the value; the outcome is noted in it.
   *
   * @param isNewer Whether a value that was stored meanwhile makes the load unnecessary.
   */
  readonly load: (flight: Flight<T>, isNewer?: (stored: unknown) => boolean) => Promise<T>
  /** Makes the answer from what is stored. Absent: the stored value is the answer. */
  readonly found?: ((stored: unknown, flight: Flight<T>) => Awaitable<T>) | undefined
  /** Whether to note that a strategy inside the load answered from the cache. */
  readonly watchesInside?: boolean | undefined
  /** The tags that the result will have. Called before the load begins. */
  readonly tags?: ((call: LoadCall) => TagsAhead) | undefined
  /** The longest time a result is stored for, in milliseconds: with the time left, it tells the age of a stored value. */
  readonly longest?: Milliseconds | undefined
}
