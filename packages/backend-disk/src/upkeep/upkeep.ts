import type { Milliseconds } from '@cashews/core'
import type { ShardFile } from '../files/shard-file.ts'

/** How long a slice of upkeep may take. */
const SLICE: Milliseconds = 2
/** The most rows a slice takes. */
const MOST_ROWS = 200
/** How many random places of the file a slice of eviction looks at, and how many rows at each. */
const SAMPLES = 8
const ROWS_PER_SAMPLE = 16
/** The share of the sampled rows that is evicted. */
const EVICTED_PART = 1 / 8
/** How long a load may take and still be stored. */
const LEASE_LIFETIME: Milliseconds = 300_000
const PARTS_AT_A_TIME = 4
const MEMBERS_AT_A_TIME = 100
/** How far the clock may be set back before locks taken after that moment start anew. */
const TOLERANCE: Milliseconds = 1_000

interface Row {
  readonly id: number
  readonly key: string
  readonly usedAt: number
}

/** Whether there is time left. */
type Budget = () => boolean

/** Starts the time of one slice. */
export function slice(): Budget {
  const end = performance.now() + SLICE
  return () => performance.now() < end
}

/** Removes some expired entries and returns their keys. Entries whose end was postponed are checked again then. */
export function removeExpired(file: ShardFile, hasTime: Budget): string[] {
  const now = file.now()
  const rows = file.all<Row & { expiresAt: number | null }>(
    'SELECT id, key, expires_at AS expiresAt FROM entries WHERE due <= ? ORDER BY due LIMIT ?',
    now,
    MOST_ROWS,
  )
  const isOver = ({ expiresAt }: { expiresAt: number | null }) => expiresAt !== null && expiresAt <= now
  const { over = [], putOff = [] } = Object.groupBy(rows, (row) => (isOver(row) ? 'over' : 'putOff'))
  for (const { id } of putOff) {
    file.run('UPDATE entries SET due = expires_at WHERE id = ?', id)
    file.wrote(0)
    if (!hasTime()) break
  }
  return dropSome(file, over, hasTime)
}

/**
 * Removes some of the least recently used entries and returns their keys: the oldest of a random sample, as Redis does.
 * An index by time of use would be exact, but would make every write a quarter slower.
 */
export function evict(file: ShardFile, hasTime: Budget): string[] {
  const sql = 'SELECT min(id) AS first, max(id) AS last FROM entries'
  const { first, last } = file.get(sql) as { first: number | null; last: number | null }
  if (first === null || last === null) return []
  const seen = new Map<number, Row>()
  for (let sample = 0; sample < SAMPLES; sample++) {
    const start = first + Math.floor(Math.random() * (last - first + 1))
    const rows = file.all<Row>(
      'SELECT id, key, used_at AS usedAt FROM entries WHERE id >= ? ORDER BY id LIMIT ?',
      start,
      ROWS_PER_SAMPLE,
    )
    for (const row of rows) seen.set(row.id, row)
  }
  const oldest = [...seen.values()].sort((a, b) => a.usedAt - b.usedAt)
  return dropSome(file, oldest.slice(0, Math.ceil(oldest.length * EVICTED_PART)), hasTime)
}

/** Removes some of the parts and members that belong to no entry any more. Returns whether there are more. */
export function collectGarbage(file: ShardFile, hasTime: Budget): boolean {
  for (;;) {
    const due = file.get<{ ref: number }>('SELECT ref FROM garbage WHERE after <= ? LIMIT 1', file.now())
    if (due === undefined) return false
    do {
      if (collect(file, due.ref) > 0) continue
      file.run('DELETE FROM garbage WHERE ref = ?', due.ref)
      break
    } while (hasTime())
    if (!hasTime()) return true
  }
}

function collect(file: ShardFile, ref: number): number {
  file.wrote(0)
  return (
    file.run('DELETE FROM parts WHERE rowid IN (SELECT rowid FROM parts WHERE ref = ? LIMIT ?)', ref, PARTS_AT_A_TIME) +
    file.run(
      'DELETE FROM members WHERE ref = @ref AND member IN (SELECT member FROM members WHERE ref = @ref LIMIT @most)',
      { ref, most: MEMBERS_AT_A_TIME },
    )
  )
}

/**
 * Whether {@link removeOld}, {@link removeExpired} or {@link collectGarbage} would find anything. Takes no write lock.
 */
export function hasWork(file: ShardFile): boolean {
  const now = file.now()
  return (
    file.get(
      `SELECT 1 FROM entries WHERE due <= @now
       UNION ALL SELECT 1 FROM garbage WHERE after <= @now
       UNION ALL SELECT 1 FROM locks WHERE expires_at <= @now OR taken_at > @soon
       UNION ALL SELECT 1 FROM (SELECT taken_at FROM leases ORDER BY id LIMIT 1) WHERE taken_at NOT BETWEEN @old AND @soon
       LIMIT 1`,
      { now, soon: now + TOLERANCE, old: now - LEASE_LIFETIME },
    ) !== undefined
  )
}

/** Removes expired leases and locks. A lock taken in what is now the future starts anew, as the clock was set back. */
export function removeOld(file: ShardFile): void {
  const now = file.now()
  file.run(
    'DELETE FROM leases WHERE id IN (SELECT id FROM leases ORDER BY id LIMIT ?) AND taken_at NOT BETWEEN ? AND ?',
    MOST_ROWS,
    now - LEASE_LIFETIME,
    now + TOLERANCE,
  )
  file.run('DELETE FROM locks WHERE expires_at <= ?', now)
  file.run('UPDATE locks SET expires_at = @now + expires_at - taken_at, taken_at = @now WHERE taken_at > @soon', {
    now,
    soon: now + TOLERANCE,
  })
}

/** Records that keys were just read. */
export function noteUses(file: ShardFile, keys: Iterable<string>): void {
  const now = file.now()
  for (const key of keys) {
    file.run('UPDATE entries SET used_at = @now WHERE key = @key AND used_at < @now', { now, key })
    file.wrote(0)
  }
}

function dropSome(file: ShardFile, rows: readonly Row[], hasTime: Budget): string[] {
  const gone: string[] = []
  for (const { id, key } of rows) {
    file.drop(id)
    gone.push(key)
    if (!hasTime()) break
  }
  return gone
}
