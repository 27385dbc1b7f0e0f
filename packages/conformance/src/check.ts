import type { Backend, Milliseconds, RemovalReason } from '@cashews/core'

/** A group of commands that a store may declare absent: `bits: false`. */
export type Group = 'bits' | 'windows' | 'sets' | 'locks'

/** The names of all features. */
export const FEATURES = [
  'bits',
  'windows',
  'sets',
  'locks',
  'leases',
  'released',
  'getNow',
  'answerNow',
  'getFor',
  'bitsNow',
  'tags',
  'capture',
  'usage',
  'visit',
  'unreachable',
  'expired',
  'structured',
  'severalKeys',
] as const

/**
 * What a check may need beyond the members that every backend has: a {@link Group}, or
 * - `leases`, `released`, `usage`, `visit`, `getNow`, `answerNow`, `getFor`, `bitsNow`, `tags` or `capture`: optional members, which are
 *   checked if the backend has them;
 * - `unreachable`: a backend whose store cannot be reached, which the author has to provide;
 * - `expired`: the backend reports expired keys to its host;
 * - `structured`: it keeps what JSON cannot express, such as dates, maps and bytes;
 * - `severalKeys`: `apply` may name any keys together, which a store that is spread over servers cannot promise.
 */
export type Feature = (typeof FEATURES)[number]

/** A promise of the contract, and how to find out whether a backend keeps it. */
export interface Check {
  /** The promise, in the words of the contract. */
  readonly title: string
  /** What a backend must have; otherwise the check is skipped. @default nothing */
  readonly needs?: readonly Feature[]
  /** Throws when the promise is broken. The backend is open and empty. */
  run(context: CheckContext): Promise<void>
}

/** Checks that belong together. */
export interface CheckGroup {
  /** Heads the checks in a report. */
  readonly name: string
  /** The checks, in the order they run. */
  readonly checks: readonly Check[]
}

/** What the backend has reported to its host. */
export interface Reports {
  /** Keys that it dropped by itself. */
  readonly removed: { readonly key: string; readonly reason: RemovalReason }[]
  /** Errors that no caller awaited. */
  readonly errors: unknown[]
}

/** What a check works with. */
export interface CheckContext {
  /** The backend that is checked: open and empty. */
  readonly backend: Backend
  /** Backends that see the same data: the one above and, if the store is shared, a second one. */
  readonly peers: readonly [Backend, ...Backend[]]
  /** What the backend has reported to its host so far. */
  readonly reports: Reports
  /** A short lifetime, in milliseconds. Checks use multiples of it, so that it can be made longer for a slow store. */
  readonly unit: Milliseconds
  /** Whether time is moved by hand, so that instants can be compared exactly. */
  readonly exact: boolean
  /** How random command sequences are made. */
  readonly model: ModelOptions
  /** Whether `apply` may name several keys. */
  readonly severalKeys: boolean
  /** A name that was never used before, for locks, which in a shared store survive `clear` and the check. */
  readonly unique: string
  /** Lets time pass: by hand, or by waiting. */
  elapse(duration: Milliseconds): Promise<void>
  /** Makes another backend, which is not open yet and is closed after the check. */
  create(): Promise<Backend>
  /** Makes a backend whose store cannot be reached, which is not open yet and is closed after the check. */
  unreachable(): Promise<Backend>
}

/** How the random command sequences are made. */
export interface ModelOptions {
  /** How many sequences. @default 100, or 20 if time really passes */
  readonly runs?: number | undefined
  /** Repeats the sequences of an earlier run. */
  readonly seed?: number | undefined
  /** Repeats only the failure of an earlier run. */
  readonly path?: string | undefined
}
