import type { CacheControl } from './cache-control.ts'
import { type Fields, lineOf, secondsOf } from './field.ts'
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
 * How old a response was when it arrived, in seconds (RFC 9111 §4.2.3). An invalid `Age` counts as a very high one, so
 * that the response is requested again.
 *
 * @param now In milliseconds since the epoch.
 */
export function initialAge(fields: Fields, now: number): number {
  const date = parseHttpDate(lineOf(fields.date)) ?? now
  const age = fields.age === undefined ? 0 : (secondsOf(lineOf(fields.age)) ?? Number.MAX_SAFE_INTEGER)
  return Math.max(age, Math.floor((now - date) / 1_000), 0)
}
