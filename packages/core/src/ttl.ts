import type { Milliseconds } from './backend.ts'
import { remembering } from './basics/memo.ts'
import { kindOfOption } from './basics/options.ts'
import { TtlError } from './errors.ts'

type Unit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w'
type Part = `${number}${Unit}`
type Space = '' | ' '

/** A duration as text: `'10s'`, `'1h 30m'`, `'1d2h3m50s'`, `'1.5h'`, `'250ms'`; a bare number is seconds. */
export type TtlText =
  | `${number}`
  | Part
  | `${number} ${Unit}`
  | `${Part}${Space}${Part}`
  | `${Part}${Space}${Part}${Space}${number}${string}`

/** A duration by its parts. A `Temporal.Duration` without years and months is one. */
export interface DurationLike {
  /** Of seven days. */
  readonly weeks?: number
  /** Of 24 hours. */
  readonly days?: number
  readonly hours?: number
  readonly minutes?: number
  readonly seconds?: number
  readonly milliseconds?: number
}

/** How long something is kept: a number of **seconds**, text, parts, or `Infinity` forever. */
export type Ttl = number | TtlText | DurationLike

const UNIT: Readonly<Record<string, Milliseconds>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

const PARTS: Readonly<Record<string, Milliseconds>> = {
  weeks: 604_800_000,
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
  microseconds: 1e-3,
  nanoseconds: 1e-6,
}

/** Longer than any clock counts: {@link https://tc39.es/ecma262/#sec-time-values-and-time-range ECMA-262}. */
const LONGEST = 8.64e15

/**
 * Converts a ttl into milliseconds. Fractions are rounded, but not down to 0.
 *
 * @param option The name of the option, for the message. @default 'ttl'
 * @throws {TtlError} When it is zero, negative, not a number, empty, or cannot be read.
 */
export function parseTtl(ttl: Ttl | (string & {}), option?: string): Milliseconds {
  const lifetime =
    typeof ttl === 'number' ? ttl * 1_000 : typeof ttl === 'string' ? fromText(ttl) : fromParts(ttl, option)
  if (ttl === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
  if (!(lifetime > 0)) throw badTtl(ttl, lifetime <= 0 ? 'it must be more than zero' : 'it is not a duration', option)
  if (lifetime > LONGEST) throw badTtl(ttl, 'it is too long; use Infinity', option)
  return Math.max(1, Math.round(lifetime))
}

/**
 * Likewise, of a time that somebody waits for.
 *
 * @throws {TtlError} When it never ends, too.
 */
export function parsePeriod(period: Ttl, option = 'period'): Milliseconds {
  if (period === Number.POSITIVE_INFINITY)
    throw new TtlError(`Infinity is not a valid ${option}: it has to end, as '1m' does.`)
  return parseTtl(period, option)
}

/** How many texts are cached: the lifetimes that a program writes are few, and used again and again. */
const MOST_TEXTS = 100
const fromText = /* @__PURE__ */ remembering(MOST_TEXTS, readText)

/** `NaN`: it cannot be read. {@link parseTtl} throws that, so that the stack is short enough to show the line of the caller. */
function readText(text: string): Milliseconds {
  const compact = text.toLowerCase().trim()
  if (/^(\d+(\.\d*)?|\.\d+)$/.test(compact)) return Number(compact) * 1_000
  let sum = 0
  let read = 0
  for (const [part, amount, unit] of compact.matchAll(/(\d+(?:\.\d+)?) ?(ms|[smhdw])\s*/gy)) {
    sum += Number(amount) * (UNIT[unit as string] as number)
    read += part.length
  }
  return read < compact.length ? Number.NaN : sum
}

function fromParts(parts: DurationLike, option?: string): Milliseconds {
  if (typeof parts !== 'object' || parts === null) return Number.NaN
  const record = parts as Readonly<Record<string, unknown>>
  const unknown = [...Object.keys(record), 'years', 'months'].find(
    (name) => !Object.hasOwn(PARTS, name) && record[name],
  )
  if (unknown) throw badTtl(parts, `"${unknown}" is not part of a fixed length`, option)
  let sum = 0
  for (const [name, factor] of Object.entries(PARTS)) {
    const { [name]: part = 0 } = record
    if (typeof part !== 'number') throw badTtl(parts, `its ${name} are ${kindOfOption(part)}, not a number`, option)
    sum += part * factor
  }
  return sum
}

function badTtl(value: unknown, why: string, option = 'ttl'): TtlError {
  return new TtlError(
    `${kindOfOption(value)} is not a valid ${option}: ${why}. Use seconds (60), text ('1h 30m', '250ms'), parts ({ hours: 3 }), or Infinity.`,
  )
}
