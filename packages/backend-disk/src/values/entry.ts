import { randomInt } from 'node:crypto'
import type { Milliseconds } from '@cashews/core'
import type { Stored } from './stored.ts'

/** What kind of content a key holds. */
export const KIND = { value: 0, large: 1, set: 2, bits: 3, window: 4 } as const
export type Kind = (typeof KIND)[keyof typeof KIND]

/** A row of `entries`, without its key. */
export interface Entry {
  readonly id: number
  readonly kind: Kind
  readonly stamp: number
  readonly expiresAt: Milliseconds | null
  /** When it was last written, or was last known to be read. */
  readonly usedAt: Milliseconds
  /** Identifies its rows in `parts` or `members`. */
  readonly ref: number | null
  readonly sum: number
  readonly value: Stored | null
}

/** The columns of an {@link Entry}, in the order of {@link Row}. */
export const COLUMNS = 'id, kind, stamp, expires_at, used_at, ref, sum, value'
/** A row in the form SQLite returns fastest. */
export type Row = [
  id: number,
  kind: Kind,
  stamp: number,
  expiresAt: Milliseconds | null,
  usedAt: Milliseconds,
  ref: number | null,
  sum: number,
  value: Stored | null,
]

export function entryOf([id, kind, stamp, expiresAt, usedAt, ref, sum, value]: Row): Entry {
  return { id, kind, stamp, expiresAt, usedAt, ref, sum: markedSum(kind, sum), value }
}

/**
 * Converts a checksum to its stored form and back: negative where the row holds no small value, so that a read need not
 * ask for `kind` too. Every column makes reads slower.
 */
export function markedSum(kind: Kind, sum: number): number {
  return kind === KIND.value ? sum : -1 - sum
}

/** The columns of a {@link Peek}: as few as possible, since every column makes reads slower. */
export const PEEKED = 'value, sum, expires_at, used_at'
/**
 * What it takes to read a small value. A negative sum says that the row holds something else: read the {@link Entry}
 * then.
 */
export type Peek = [value: Stored, sum: number, expiresAt: Milliseconds | null, usedAt: Milliseconds]

/** The same for one of many keys. */
export type PeekAt = [...Peek, place: number]

/** A row to be written. */
export interface NewEntry {
  readonly key: string
  readonly kind: Kind
  readonly expiresAt: Milliseconds | null
  readonly ref: number | null
  readonly sum: number
  readonly value: Stored | null
}

/** How far the clock may be set back before entries written after that moment count as gone. */
const TOLERANCE: Milliseconds = 1_000

/**
 * Whether an entry has not expired. One with an expiry that was written in what is now the future counts as expired:
 * the clock was set back, which must not let it live longer.
 */
export function isAlive({ expiresAt, usedAt }: Pick<Entry, 'expiresAt' | 'usedAt'>, now: Milliseconds): boolean {
  return expiresAt === null || (expiresAt > now && usedAt <= now + TOLERANCE)
}

/** When a lifetime that begins now ends; `null` for never. */
export function endOf(lifetime: Milliseconds, now: Milliseconds): Milliseconds | null {
  return lifetime === Number.POSITIVE_INFINITY ? null : Math.min(now + lifetime, Number.MAX_SAFE_INTEGER)
}

/** The time left until an end; `Infinity` when there is none. */
export function timeUntil(expiresAt: Milliseconds | null, now: Milliseconds): Milliseconds {
  return expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt - now
}

let picked = randomInt(2 ** 47) * 32

/**
 * Picks a unique number: a stamp, the `ref` of parts, the token of a lease. Each process counts from a random start, so
 * that a collision of two processes on one key is less likely than a broken disk.
 */
export function pick(): number {
  picked = (picked + 1) % Number.MAX_SAFE_INTEGER
  return picked
}
