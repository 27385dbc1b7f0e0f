import type { CacheControl } from './cache-control.ts'
import { type Fields, lineOf, secondsOf } from './field.ts'
import { parseHttpDate } from './http-date.ts'

/**
 * How long a response is fresh by its own header, in seconds; `undefined` when it does not say (RFC 9111 §4.2.1).
 * An `Expires` that is no date is one in the past.
 */
export function explicitLifetime(directives: CacheControl, fields: Fields, now: number): number | undefined {
  const told = directives.sMaxage ?? directives.maxAge
  if (told !== undefined || fields.expires === undefined) return told
  const expires = parseHttpDate(lineOf(fields.expires))
  const date = parseHttpDate(lineOf(fields.date)) ?? now
  return expires === undefined ? 0 : Math.max(0, (expires - date) / 1_000)
}

/**
 * How old a response was when it came, in seconds (RFC 9111 §4.2.3). An `Age` that is no single number is a great one:
 * what is too old by mistake is asked for anew.
 */
export function initialAge(fields: Fields, now: number): number {
  const date = parseHttpDate(lineOf(fields.date)) ?? now
  const age = fields.age === undefined ? 0 : (secondsOf(lineOf(fields.age)) ?? Number.MAX_SAFE_INTEGER)
  return Math.max(age, Math.floor((now - date) / 1_000), 0)
}
