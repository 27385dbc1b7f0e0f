import { namesTag, parseCacheControl, writeCacheControl } from '@cashews/http'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('a Cache-Control field', () => {
  it.each([
    ['no-store', { noStore: true }],
    ['NO-Cache, Max-AGE=5', { noCache: true, maxAge: 5 }],
    ['max-age=60, s-maxage=120, public', { maxAge: 60, sMaxage: 120, public: true }],
    ['max-age="60"', { maxAge: 60 }],
    ['private="x-user", no-cache="set-cookie"', { private: true, noCache: true }],
    [
      'max-age=60, stale-while-revalidate=30,stale-if-error=90',
      { maxAge: 60, staleWhileRevalidate: 30, staleIfError: 90 },
    ],
    ['max-stale', { maxStale: Number.POSITIVE_INFINITY }],
    ['max-stale=5, min-fresh=3, only-if-cached', { maxStale: 5, minFresh: 3, onlyIfCached: true }],
    [
      'must-revalidate, proxy-revalidate, must-understand, immutable, no-transform',
      { mustRevalidate: true, proxyRevalidate: true, mustUnderstand: true, immutable: true, noTransform: true },
    ],
    [',, ,max-age=1,', { maxAge: 1 }],
    ['nothing-to-see-here, community="UCI"', {}],
    ['__proto__=1, constructor, hasOwnProperty', {}],
    ['', {}],
  ])('reads %s', (field, directives) => {
    expect(parseCacheControl(field)).toEqual(directives)
  })

  it('reads several lines as one, and nothing where there is none', () => {
    expect(parseCacheControl(['max-age=1', 'no-store'])).toEqual({ maxAge: 1, noStore: true })
    expect(parseCacheControl(undefined)).toEqual({})
  })

  it.each([
    "max-age='60'",
    'max-age=-1',
    'max-age=1.5',
    'max-age=',
    'max-age',
    'max-age=abc',
    'max-age="60',
    'max-age=60"',
  ])('takes a duration that cannot be read for none: %s', (field) => {
    expect(parseCacheControl(field)).toEqual({ maxAge: 0 })
  })

  it('takes the most restrictive of several', () => {
    expect(parseCacheControl('max-age=60, max-age=5')).toEqual({ maxAge: 5 })
    expect(parseCacheControl('max-age=5, max-age=60')).toEqual({ maxAge: 5 })
    expect(parseCacheControl('min-fresh=5, min-fresh=60')).toEqual({ minFresh: 60 })
  })

  it('takes what is larger than a clock counts for 2^31 seconds', () => {
    expect(parseCacheControl('max-age=99999999999999999999')).toEqual({ maxAge: 2 ** 31 })
  })

  it('finds no directive in quoted text', () => {
    expect(parseCacheControl('extension="max-age=100, no-store", max-age=1')).toEqual({ maxAge: 1 })
    expect(parseCacheControl('extension="a\\", no-store", max-age=1')).toEqual({ maxAge: 1 })
  })

  it('is written as it is read', () => {
    const seconds = fc.option(fc.nat(), { nil: undefined })
    const flag = fc.option(fc.constant(true), { nil: undefined })
    const directives = fc.record({
      public: flag,
      private: flag,
      noStore: flag,
      noCache: flag,
      mustRevalidate: flag,
      immutable: flag,
      onlyIfCached: flag,
      maxAge: seconds,
      sMaxage: seconds,
      staleWhileRevalidate: seconds,
      staleIfError: seconds,
      minFresh: seconds,
      maxStale: fc.option(fc.oneof(fc.nat(), fc.constant(Number.POSITIVE_INFINITY)), { nil: undefined }),
    })
    fc.assert(
      fc.property(directives, (given) => {
        const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
        expect(parseCacheControl(writeCacheControl(given))).toEqual(known)
      }),
    )
  })

  it('is absent where Headers have none', () => {
    expect(parseCacheControl(new Headers().get('cache-control'))).toEqual({})
    expect(namesTag(new Headers().get('if-none-match'), '"a"')).toBe(false)
    expect(namesTag('"a"', null)).toBe(false)
  })

  it.each([null, '1h', Number.NaN, -1])('is not written with a duration of %s', (maxAge) => {
    expect(() => writeCacheControl({ maxAge: maxAge as never })).toThrow(/^maxAge must be a number from 0 on, not /)
  })

  it('is written in whole seconds, and never larger than can be read', () => {
    expect(writeCacheControl({ private: true, maxAge: 59.9 })).toBe('private, max-age=59')
    expect(writeCacheControl({ maxAge: Number.POSITIVE_INFINITY })).toBe('max-age=2147483648')
    expect(writeCacheControl({})).toBe('')
  })
})
