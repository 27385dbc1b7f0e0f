import type { Clock, Milliseconds, Ttl } from '@cashews/core'
import type { SerializerOptions } from '@cashews/serialization'

/** Settings of {@link disk}. */
export interface DiskOptions extends SerializerOptions {
  /**
   * The directory for the files; created with access for its owner only. Processes that use the same directory and
   * number of shards share a cache.
   *
   * @default a directory for this user and working directory, inside the system's temporary one
   */
  readonly directory?: string | undefined
  /**
   * How many files the keys are spread over, from 1 to 64; `0` means 1. With more files fewer writers collide.
   *
   * @default 8
   */
  readonly shards?: number | undefined
  /**
   * How many bytes all files may take together, write-ahead logs included; at least 512 KiB per shard.
   *
   * @default 1 GiB
   */
  readonly sizeLimit?: number | undefined
  /** How long a file may be locked by another process before it counts as unavailable. @default '1s' */
  readonly timeout?: Ttl | undefined
  /**
   * How often to remove expired entries, and to check that the files still exist; `0` or `false`: never.
   *
   * @default '1s'
   */
  readonly checkInterval?: Ttl | false | undefined
  /**
   * Whether files survive a loss of power. `'off'` never waits for the disk, and a file that was damaged is started
   * afresh. `'normal'` waits for the disk whenever a write-ahead log has been copied into its file: writers stand still
   * meanwhile, for milliseconds to tenths of a second. A process that is killed loses nothing either way.
   *
   * @default 'off'
   */
  readonly synchronous?: 'off' | 'normal' | undefined
  /** Tells the time. @default the system clock */
  readonly clock?: Clock | undefined
}

/** The values of SQLite's pragma `synchronous`. */
export type Synchronous = 'OFF' | 'NORMAL'

/** The options of `disk`, resolved. */
export interface DiskSettings {
  readonly directory: string
  /** Whether the user left the directory to us: it must then belong to this user alone. */
  readonly isDefault: boolean
  readonly shards: number
  readonly sizeLimit: number
  readonly timeout: Milliseconds
  /** `Infinity`: never. */
  readonly checkInterval: Milliseconds
  readonly synchronous: Synchronous
  readonly clock: Clock
}
