import type { Content, Milliseconds } from '@cashews/core'
import type { ShardFile } from '../files/shard-file.ts'
import { type Entry, KIND, pick } from './entry.ts'
import { bytesOfInstants, instantsIn } from './instants.ts'

/** How many bytes of bits one part holds: few, so that a write, whose bits are often neighbours, rewrites little. */
export const BIT_PART_BYTES: number = 1_024

/** The content of a key that holds a window, a set or bits; `undefined` for a value. */
export function contentOf(file: ShardFile, { kind, ref, value }: Entry): Content | undefined {
  if (kind === KIND.window) return { kind: 'window', items: instantsIn(value as Buffer) }
  if (kind === KIND.set) {
    const rows = file.all<{ member: string }>('SELECT member FROM members WHERE ref = ?', ref)
    return { kind: 'set', items: rows.map(({ member }) => member) }
  }
  if (kind !== KIND.bits) return undefined
  const rows = file.all<{ part: number; bytes: Buffer }>(
    'SELECT part, bytes FROM parts WHERE ref = ? ORDER BY part',
    ref,
  )
  const items: number[] = new Array(((rows.at(-1)?.part ?? -1) + 1) * BIT_PART_BYTES).fill(0)
  for (const { part, bytes } of rows) for (const [at, byte] of bytes.entries()) items[part * BIT_PART_BYTES + at] = byte
  return { kind: 'bits', items: items.slice(0, items.findLastIndex((byte) => byte !== 0) + 1) }
}

/** Estimates how many bytes a key takes. */
export function sizeOf(file: ShardFile, key: string, { ref, value }: Entry): number {
  const own = value instanceof Buffer ? value.length : Buffer.byteLength(String(value ?? ''))
  const { bytes } = file.get(
    `SELECT (SELECT coalesce(sum(length(bytes)), 0) FROM parts WHERE ref = @ref)
     + (SELECT coalesce(sum(length(member)), 0) FROM members WHERE ref = @ref) AS bytes`,
    { ref },
  ) as { bytes: number }
  return Buffer.byteLength(key) + own + bytes
}

/** Replaces whatever a key holds by a window, a set or bits. */
export function putContent(file: ShardFile, key: string, content: Content, expiresAt: Milliseconds | null): void {
  const entry = { key, expiresAt, sum: 0 }
  if (content.kind === 'window') {
    const value = bytesOfInstants(content.items.toSorted((one, other) => one - other))
    file.put({ ...entry, kind: KIND.window, ref: null, value })
    return
  }
  const ref = pick()
  if (content.kind === 'set')
    for (const member of content.items) file.run('INSERT OR IGNORE INTO members VALUES (?, ?)', ref, member)
  else
    for (let part = 0; part * BIT_PART_BYTES < content.items.length; part++) {
      const bytes = Buffer.alloc(BIT_PART_BYTES)
      const some = content.items.slice(part * BIT_PART_BYTES, (part + 1) * BIT_PART_BYTES)
      for (const [at, byte] of some.entries()) bytes[at] = byte
      file.run('INSERT INTO parts VALUES (?, ?, ?)', ref, part, bytes)
    }
  file.wrote(content.items.length * 8)
  file.put({ ...entry, kind: KIND[content.kind], ref, value: null })
}
