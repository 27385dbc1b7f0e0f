import type { CacheControl } from './cache-control.ts'
import { type Fields, lineOf, membersOf, secondsOf } from './field.ts'
import { parseHttpDate } from './http-date.ts'

/**
 * The freshness lifetime that a response states itself, in seconds; `undefined` when it states none (RFC 9111 §4.2.1).
 * An invalid `Expires` counts as a date in the past.
 *
 * @param now In milliseconds since the epoch.
 */
export function explicitLifetime(directives: CacheControl, fields: Fields, now: number): number | undefined {
  const told = directives.sMaxage ?? directives.maxAge
  if (told !== undefined || fields.expires === undefined) return told
  const expires = parseHttpDate(lineOf(fields.expires))
  const date = parseHttpDate(lineOf(fields.date)) ?? now
  return expires === undefined ? 0 : Math.max(0, (expires - date) / 1_000)
}

/**
 * How old a response was when it arrived, in seconds (RFC 9111 §4.2.3). The first member of `Age` counts, and is ignored
 * when it is invalid (§5.1).
 *
 * @param now In milliseconds since the epoch.
 */
export function initialAge(fields: Fields, now: number): number {
  const date = parseHttpDate(lineOf(fields.date)) ?? now
  const age = secondsOf(membersOf(fields.age)[0]) ?? 0
  return Math.max(age, Math.floor((now - date) / 1_000), 0)
}
