import type { Clock, Milliseconds, Ttl } from '@cashews/core'
import type { SerializerOptions } from '@cashews/serialization'

/** Settings of {@link disk}. */
export interface DiskOptions extends SerializerOptions {
  /**
   * Where the files are. It is made if need be, for its owner only. Processes that name the same directory and the same
   * number of shards share a cache.
   *
   * @default a folder for this user and working directory, under the system's temporary one
   */
  readonly directory?: string
  /** Over how many files the keys are spread, from 1 to 64; `0` means 1. More files, fewer writers that meet. @default 8 */
  readonly shards?: number
  /** How many bytes the files may take together, write-ahead logs included. At least half a megabyte a shard. @default 1 GiB */
  readonly sizeLimit?: number
  /** How long to wait for a file that another process has locked before it counts as unavailable. @default '1s' */
  readonly timeout?: Ttl
  /** How often to remove what expired, and to look whether the files are still there; `0` or `false`: never. @default '1s' */
  readonly checkInterval?: Ttl | false
  /**
   * Whether a machine that loses power may damage a file, which is begun anew then: `off` never waits for the disk.
   * `normal` waits whenever a write-ahead log is copied and begins anew: a writer stands still meanwhile, for as long as
   * the disk takes, milliseconds to tenths of a second. A process that is killed loses nothing either way.
   *
   * @default 'off'
   */
  readonly synchronous?: 'off' | 'normal'
  /** Where the time comes from. @default the clock of the machine */
  readonly clock?: Clock
}

/** How SQLite names it whether it waits for the disk. */
export type Synchronous = 'OFF' | 'NORMAL'

/** The options of `disk`, resolved. */
export interface DiskSettings {
  readonly directory: string
  /** Whether nobody named the directory: it must then prove to be this user's own. */
  readonly isDefault: boolean
  readonly shards: number
  readonly sizeLimit: number
  readonly timeout: Milliseconds
  /** `Infinity`: never. */
  readonly checkInterval: Milliseconds
  readonly synchronous: Synchronous
  readonly clock: Clock
}
