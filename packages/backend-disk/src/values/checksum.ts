import * as zlib from 'node:zlib'
import type { Milliseconds } from '@cashews/core'
import { DamagedValueError } from '../errors.ts'
import { type Entry, isAlive, KIND, type Peek, type PeekAt } from './entry.ts'
import type { Stored } from './stored.ts'

/** The CRC-32 of data; `before` is that of the data it continues. */
export function crc32(data: string | Uint8Array, before = 0): number {
  return zlib.crc32(data, before)
}

/** The checksum of a stored value, which continues that of its key. */
export function sumOf(hash: number, value: Stored): number {
  return crc32(typeof value === 'number' ? String(value) : value, hash)
}

/**
 * Returns an entry whose value is the one that was written.
 *
 * @throws {DamagedValueError} When it is not.
 */
export function checked(key: string, entry: Entry | undefined): Entry | undefined {
  if (entry?.kind === KIND.value && sumOf(crc32(key), entry.value as Stored) !== entry.sum) throw damaged(key)
  return entry
}

/**
 * Whether a row holds a small value that has not expired and matches its checksum, which begins with that of the key.
 */
export function isAtHand(row: Peek | PeekAt, hash: number, now: Milliseconds): boolean {
  const sum = row[1]
  return sum >= 0 && isAlive({ expiresAt: row[2], usedAt: row[3] }, now) && sumOf(hash, row[0]) === sum
}

export function damaged(key: string): DamagedValueError {
  return new DamagedValueError(`the value of "${key}" is not the one that was written`)
}
