import type { ShardFile } from '../files/shard-file.ts'
import { type NewEntry, pick } from '../values/entry.ts'

interface LeaseRow {
  readonly id: number
  readonly token: number
  readonly takenAt: number
}

/** Records that a load of a key begins, and returns its lease. */
export function takeLease(file: ShardFile, key: string): string {
  const token = pick()
  const sql = 'INSERT INTO leases (key, token, taken_at) VALUES (?, ?, ?) RETURNING id'
  const { id } = file.get(sql, key, token, file.now()) as { id: number }
  file.wrote(0)
  return `${id}:${token}`
}

/**
 * Writes a loaded value if its lease still holds. That ends this lease and those taken before it; later loads keep
 * theirs.
 *
 * @param prepare Called before the value is written.
 */
export function putLeased(file: ShardFile, entry: NewEntry, lease: string, prepare: () => void): boolean {
  const { key } = entry
  const [id = 0] = partsOf(lease)
  if (!isHeld(file, key, lease)) return false
  const later = file.all<LeaseRow>(
    'SELECT id, token, taken_at AS takenAt FROM leases WHERE key = ? AND id > ?',
    key,
    id,
  )
  prepare()
  file.put(entry)
  for (const { id, token, takenAt } of later)
    file.run('INSERT INTO leases VALUES (?, ?, ?, ?)', id, key, token, takenAt)
  return true
}

/** Whether a lease still holds. */
export function isHeld(file: ShardFile, key: string, lease: string): boolean {
  const [id = 0, token = 0] = partsOf(lease)
  return file.get('SELECT 1 FROM leases WHERE id = ? AND token = ? AND key = ?', id, token, key) !== undefined
}

function partsOf(lease: string): number[] {
  return lease.split(':').map(Number)
}
