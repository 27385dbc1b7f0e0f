import { randomInt } from 'node:crypto'
import type { Milliseconds } from '@cashews/core'

/** What a key holds. */
export const KIND = { value: 0, large: 1, set: 2, bits: 3, window: 4 } as const
export type Kind = (typeof KIND)[keyof typeof KIND]

/** How a value, or a window, stands in a row: text, bytes, a counter; the number of bytes of a value in parts. */
export type Stored = Buffer | string | number

/** A row of `entries`, but for its key. */
export interface Entry {
  readonly id: number
  readonly kind: Kind
  readonly stamp: number
  readonly expiresAt: Milliseconds | null
  /** When it was last written, or noticeably read. */
  readonly usedAt: Milliseconds
  /** Names its parts or members. */
  readonly ref: number | null
  readonly sum: number
  readonly value: Stored | null
}

/** The columns of an {@link Entry}, in the order of {@link Row}. */
export const COLUMNS = 'id, kind, stamp, expires_at, used_at, ref, sum, value'
/** A row as SQLite answers it fastest. */
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
 * How a sum stands in a row, and back: below zero where the row holds no small value, so that nothing in it is taken for
 * one. A column less to ask for than the kind: each costs a read time.
 */
export function markedSum(kind: Kind, sum: number): number {
  return kind === KIND.value ? sum : -1 - sum
}

/** The columns of a {@link Peek}. Each that is answered costs time: these are as few as can be. */
export const PEEKED = 'value, sum, expires_at, used_at'
/** What it takes to read a small value. With a sum below zero the row holds something else: read the {@link Entry} then. */
export type Peek = [value: Stored, sum: number, expiresAt: Milliseconds | null, usedAt: Milliseconds]

/** The same of one of many keys. */
export type PeekAt = [...Peek, place: number]

/** What is to stand in a row. */
export interface NewEntry {
  readonly key: string
  readonly kind: Kind
  readonly expiresAt: Milliseconds | null
  readonly ref: number | null
  readonly sum: number
  readonly value: Stored | null
}

/** By how much the clock may go back before what was written later counts as gone. */
const TOLERANCE: Milliseconds = 1_000

/**
 * Whether an entry is there. One that is to end and was written in what is now the future counts as gone: the clock was
 * set back, and it must not live longer for that.
 */
export function isAlive({ expiresAt, usedAt }: Pick<Entry, 'expiresAt' | 'usedAt'>, now: Milliseconds): boolean {
  return expiresAt === null || (expiresAt > now && usedAt <= now + TOLERANCE)
}

/** When a lifetime that begins now ends. */
export function endOf(lifetime: Milliseconds, now: Milliseconds): Milliseconds | null {
  return lifetime === Number.POSITIVE_INFINITY ? null : Math.min(now + lifetime, Number.MAX_SAFE_INTEGER)
}

/** How long until an end; `Infinity` when there is none. */
export function timeUntil(expiresAt: Milliseconds | null, now: Milliseconds): Milliseconds {
  return expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt - now
}

let picked = randomInt(2 ** 47) * 32

/**
 * A number that nobody else has picked: a stamp, the name of parts, the token of a lease. Each process counts from a
 * random place; that two of them meet on one key is less likely than a broken disk.
 */
export function pick(): number {
  picked = (picked + 1) % Number.MAX_SAFE_INTEGER
  return picked
}
