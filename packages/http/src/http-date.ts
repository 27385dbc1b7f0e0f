import { checkThat } from '@cashews/core'

/**
 * Parses an HTTP date, including the obsolete formats (RFC 9110 §5.6.7). Returns milliseconds since the epoch, or
 * `undefined` when it is invalid.
 */
export function parseHttpDate(text: string | undefined): number | undefined {
  if (
    typeof text !== 'string' ||
    text.length > 40 ||
    !/^(Mon|Tues?|Wed(nes)?|Thu(rs)?|Fri|Sat(ur)?|Sun)(day)?,? /.test(text)
  )
    return undefined
  const time = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`)
  return Number.isNaN(time) ? undefined : time
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
