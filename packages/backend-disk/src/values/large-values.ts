import { MISS, type Milliseconds, type Miss } from '@cashews/core'
import { NoRoomError } from '../errors.ts'
import type { Shard } from '../files/shard.ts'
import type { ShardFile } from '../files/shard-file.ts'
import { turn } from '../files/turn.ts'
import { checked, crc32, damaged } from './checksum.ts'
import { type Entry, KIND, pick } from './entry.ts'
import { free } from './free.ts'
import { type Stored, serializedOf } from './stored.ts'
import type { Encoded } from './values.ts'

/** How long staged parts may wait for their entry before they are garbage. */
const STAGING: Milliseconds = 60_000
/** How often a large value may be replaced while it is being read. */
const MOST_TRIES = 5

/**
 * Writes the parts of a value and returns the entry that will refer to them. Frees `bytes`, which the caller must own.
 */
export async function stage(shard: Shard, key: string, bytes: Buffer): Promise<Encoded> {
  const ref = pick()
  // Parts may be late: nobody reads them before their entry is written, and that is never late.
  const last = performance.now() + STAGING
  await shard.write((file) => file.run('INSERT INTO garbage VALUES (?, ?)', ref, file.now() + STAGING), last)
  const { partBytes } = shard.room
  let sum = crc32(key)
  for (let part = 0; part * partBytes < bytes.length; part++) {
    await turn()
    const some = bytes.subarray(part * partBytes, (part + 1) * partBytes)
    sum = crc32(some, sum)
    await shard.write((file) => {
      file.run('INSERT INTO parts VALUES (?, ?, ?)', ref, part, some)
      file.wrote(some.length)
    }, last)
  }
  const encoded = { kind: KIND.large, ref, sum, value: bytes.length }
  free(bytes)
  return encoded
}

/**
 * Takes the staged parts of a large value off the garbage list, because their entry is about to be written.
 *
 * @throws {NoRoomError} When they have already been collected.
 */
export function claim(file: ShardFile, { kind, ref }: Pick<Encoded, 'kind' | 'ref'>): void {
  if (kind !== KIND.large) return
  if (file.run('DELETE FROM garbage WHERE ref = ?', ref) === 0)
    throw new NoRoomError('Writing a large value took so long that its parts were removed again.')
}

/** Reads all parts of a value. Starts over when it was replaced meanwhile. */
export async function gather(shard: Shard, key: string, entry: Entry, tries = 1): Promise<Buffer | string | Miss> {
  const bytes = await readParts(shard, key, entry)
  if (bytes !== MISS) return bytes
  const now = await shard.read((file) => checked(key, file.find(key)))
  if (now?.kind === KIND.value) return serializedOf(now.value as Stored)
  if (now?.kind !== KIND.large || tries === MOST_TRIES) return MISS
  if (now.stamp !== entry.stamp) return gather(shard, key, now, tries + 1)
  shard.replace(damaged(key))
  return MISS
}

/** Returns the bytes that were written; {@link MISS} when some are missing or damaged. */
async function readParts(shard: Shard, key: string, { ref, value, sum }: Entry): Promise<Buffer | Miss> {
  const bytes = Buffer.allocUnsafeSlow(value as number)
  let found = crc32(key)
  for (let part = 0, at = 0; at < bytes.length; part++) {
    const row = await shard.read((file) =>
      file.get<{ bytes: Buffer }>('SELECT bytes FROM parts WHERE ref = ? AND part = ?', ref, part),
    )
    if (row === undefined || row.bytes.length === 0) return MISS
    found = crc32(row.bytes, found)
    at += row.bytes.copy(bytes, at)
    free(row.bytes)
    await turn()
  }
  return found === sum ? bytes : MISS
}
