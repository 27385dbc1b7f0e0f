/** The size of a page of SQLite. */
export const PAGE_BYTES: number = 4_096
/** The least a shard needs to be of use. */
export const LEAST_BYTES: number = 512 * 1024

const MOST_LOG_BYTES = 4 * 1024 ** 2
const MOST_PART_BYTES = 256 * 1024
/** The size of the index of the log (`-shm`), which is a file too. */
const LOG_INDEX_BYTES = 32 * 1024
/** What the largest value takes beside its bytes: pages of the B-tree around it. */
const SLACK_BYTES = 64 * 1024

/** How the bytes of one shard are divided between its file and its write-ahead log. */
export interface Room {
  /** The most pages of the file. */
  readonly pages: number
  /** How many used pages start eviction. */
  readonly full: number
  /** How many used pages end it. */
  readonly target: number
  /** The most bytes of the log: beyond, writers wait until it is copied into the file. */
  readonly logBytes: number
  /** Larger values are written in parts of this many bytes, so that no single write takes long. */
  readonly partBytes: number
  /** How many bytes file and log may take together while a reader keeps the log from being reused. */
  readonly mostBytes: number
  /** The most bytes of a value. */
  readonly valueBytes: number
}

/** Divides the bytes of a shard. */
export function divide(bytes: number): Room {
  const logBytes = Math.min(MOST_LOG_BYTES, Math.floor(bytes / 8))
  const partBytes = Math.min(MOST_PART_BYTES, Math.floor(bytes / 32))
  const pages = Math.floor((bytes - logBytes - LOG_INDEX_BYTES - SLACK_BYTES - 2 * partBytes) / PAGE_BYTES)
  return {
    pages,
    full: Math.floor(pages * 0.97),
    target: Math.floor(pages * 0.94),
    logBytes,
    partBytes,
    mostBytes: Math.floor(bytes * 1.1),
    valueBytes: Math.floor((pages * PAGE_BYTES) / 2),
  }
}
