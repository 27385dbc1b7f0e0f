import { parseTtl, type Ttl, TtlError } from '@cashews/core'
import { describe, expect, it } from 'vitest'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('a time to live', () => {
  it.each<[Ttl, number]>([
    [10, 10 * SECOND],
    [0.5, 500],
    [100.1, 100_100],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['10', 10 * SECOND],
    ['080', 80 * SECOND],
    ['1.5', 1_500],
    ['10s', 10 * SECOND],
    ['250ms', 250],
    ['1m10s', 70 * SECOND],
    ['10m1s', 601 * SECOND],
    ['1d2h3m50s', DAY + 2 * HOUR + 3 * MINUTE + 50 * SECOND],
    ['5m2h', 2 * HOUR + 5 * MINUTE],
    ['1h1h', 2 * HOUR],
    ['1w', 7 * DAY],
    ['1.5h', 90 * MINUTE],
    ['1h 30m', 90 * MINUTE],
    ['10 m', 10 * MINUTE],
    [{ hours: 3 }, 3 * HOUR],
    [{ weeks: 1, days: 1, hours: 1, minutes: 1, seconds: 1, milliseconds: 1 }, 8 * DAY + HOUR + MINUTE + SECOND + 1],
    [{ seconds: 0.25 }, 250],
  ])('of %j is %d milliseconds', (ttl, milliseconds) => {
    expect(parseTtl(ttl)).toBe(milliseconds)
  })

  it('may be written in upper case and among spaces', () => {
    expect(parseTtl('1D2H' as string)).toBe(DAY + 2 * HOUR)
    expect(parseTtl(' 80 ' as string)).toBe(80 * SECOND)
    expect(parseTtl('  1h   30m  ' as string)).toBe(90 * MINUTE)
  })

  it('is rounded to whole milliseconds, but never to zero', () => {
    expect(parseTtl(0.0004)).toBe(1)
    expect(parseTtl(1.2346)).toBe(1_235)
  })

  it('may have fractions of a millisecond, which are rounded, and parts that are undefined', () => {
    expect(parseTtl({ microseconds: 2_500 } as Ttl)).toBe(3)
    expect(parseTtl({ seconds: 1, nanoseconds: 2e6 } as Ttl)).toBe(1_002)
    expect(parseTtl({ hours: 1, months: 0, days: undefined, fortnights: undefined } as never)).toBe(60 * MINUTE)
  })

  it('may be a Temporal.Duration, whose parts are getters', () => {
    class Duration {
      get years() {
        return 0
      }
      get months() {
        return 0
      }
      get weeks() {
        return 0
      }
      get days() {
        return 0
      }
      get hours() {
        return 1
      }
      get minutes() {
        return 30
      }
      get seconds() {
        return 0
      }
      get milliseconds() {
        return 0
      }
      get microseconds() {
        return 0
      }
      get nanoseconds() {
        return 0
      }
    }
    expect(parseTtl(new Duration())).toBe(90 * MINUTE)
  })

  it.each([
    [0],
    [-5],
    [Number.NaN],
    [Number.NEGATIVE_INFINITY],
    [1e20],
    [''],
    ['  '],
    ['0'],
    ['0s'],
    ['soon'],
    ['10 minutez'],
    ['1h30'],
    ['1h0'],
    ['h'],
    ['s10'],
    ['-5'],
    ['-1h'],
    ['+1h'],
    ['1y'],
    ['10_0'],
    ['1e3'],
    ['inf'],
    ['1h2x'],
    ['１０s'],
    ['99999999999d'],
    [{}],
    [{ hours: 0 }],
    [{ hours: -1 }],
    [{ hours: Number.NaN }],
    [{ hour: 1 }],
    [{ months: 1 }],
    [{ years: 1 }],
    [{ hours: 1, months: 1 }],
    [{ hours: 1, years: 1 }],
    [{ hours: 1, constructor: 1 }],
    [null],
    [undefined],
    [true],
    [10n],
    [[10]],
  ])('of %s is an error', (ttl) => {
    expect(() => parseTtl(ttl as Ttl)).toThrow(TtlError)
  })

  it.each([
    ['10 minutez', "'10 minutez' is not a valid ttl"],
    ['', "'' is not a valid ttl"],
    [-5, '-5 is not a valid ttl: it must be more than zero'],
    [{ hour: 1 }, 'Object {hour} is not a valid ttl: "hour" is not part of a fixed length'],
    [undefined, 'undefined is not a valid ttl'],
    [1e20, 'Infinity'],
  ])('of %j is shown, with what would be valid', (ttl, message) => {
    expect(() => parseTtl(ttl as Ttl)).toThrow(message)
    expect(() => parseTtl(ttl as Ttl)).toThrow("'1h 30m'")
  })

  it('is an error, not forever, if the number is too large', () => {
    expect(() => parseTtl('9'.repeat(400) as Ttl)).toThrow(TtlError)
    expect(() => parseTtl(1e306)).toThrow(TtlError)
    expect(() => parseTtl({ weeks: 1e306 })).toThrow(TtlError)
  })

  it('refuses long nonsense quickly', () => {
    const started = process.cpuUsage()
    for (const text of [
      `${'1'.repeat(50_000)}x`,
      `${'1h'.repeat(20_000)}x`,
      `${' '.repeat(50_000)}x`,
      '1 '.repeat(20_000),
    ])
      expect(() => parseTtl(text)).toThrow(TtlError)
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(1_000)
  })
})
