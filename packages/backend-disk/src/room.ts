/** A page of SQLite. */
export const PAGE_BYTES: number = 4_096
/** What a shard needs to be of use. */
export const LEAST_BYTES: number = 512 * 1024

const MOST_LOG_BYTES = 4 * 1024 ** 2
const MOST_PART_BYTES = 256 * 1024
/** The index of the log, in memory that other processes share: a file too. */
const LOG_INDEX_BYTES = 32 * 1024
/** How much of the largest value, beside its bytes, is pages of the tree around it. */
const SLACK_BYTES = 64 * 1024

/** How the bytes of one shard are divided between its file and its write-ahead log. */
export interface Room {
  /** The most pages of the file. */
  readonly pages: number
  /** How full the file may be before the least recently used keys go, and how full it is then, in pages. */
  readonly full: number
  readonly target: number
  /** The most bytes of the log: then writers wait until it was copied into the file. */
  readonly logBytes: number
  /** A larger value is written in parts of this size, so that no write takes long. */
  readonly partBytes: number
  /** How many bytes file and log may take together while somebody keeps the log from beginning anew. */
  readonly mostBytes: number
  /** The largest value that is kept. */
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
