import { checkThat } from '@cashews/core'

const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)' // 60: a leap second.
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** The format that is sent today, and the two obsolete ones. Caches read them in any case (RFC 9111 §4.2). */
const FORMATS: readonly RegExp[] = /* @__PURE__ */ [
  `(mon|tue|wed|thu|fri|sat|sun), (?<day>\\d\\d) (?<month>[a-z]{3}) (?<year>\\d{4}) ${TIME} gmt`,
  `(mon|tues|wednes|thurs|fri|satur|sun)day, (?<day>\\d\\d)-(?<month>[a-z]{3})-(?<year>\\d\\d) ${TIME} gmt`,
  `(mon|tue|wed|thu|fri|sat|sun) (?<month>[a-z]{3}) (?<day>[\\d ]\\d) ${TIME} (?<year>\\d{4})`,
].map((format) => new RegExp(`^${format}$`, 'i'))

/**
 * Parses an HTTP date, including the obsolete formats (RFC 9110 §5.6.7). Returns milliseconds since the epoch, or
 * `undefined` when it is invalid, as it is in any other format or time zone.
 */
export function parseHttpDate(text: string | undefined): number | undefined {
  for (const format of FORMATS) {
    const parts = format.exec(text ?? '')?.groups
    if (parts) return timeOf(parts)
  }
  return undefined
}

function timeOf({ day, month = '', year = '', hour, minute, second }: Record<string, string>): number | undefined {
  const monthIndex = MONTHS.indexOf(month.toLowerCase())
  const midnight = new Date(Date.UTC(year.length === 2 ? fullYear(+year) : +year, monthIndex, Number(day)))
  // A month without that day continues in the next one.
  if (monthIndex < 0 || midnight.getUTCDate() !== Number(day)) return undefined
  return +midnight + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000
}

/** The year with these last two digits that is at most 50 years ahead. */
function fullYear(digits: number): number {
  const earliest = new Date().getUTCFullYear() - 49
  return earliest + ((((digits - earliest) % 100) + 100) % 100)
}

let writtenAt = Number.NaN
let written = ''

/** Formats an HTTP date (RFC 9110 §5.6.7) from milliseconds since the epoch. */
export function httpDate(time: number): string {
  const second = Math.floor(time / 1_000)
  if (second !== writtenAt) {
    const date = new Date(second * 1_000)
    checkThat(!Number.isNaN(+date), 'A date must be in milliseconds since the epoch', time)
    writtenAt = second
    written = date.toUTCString()
  }
  return written
}
