import {
  addVary,
  asksToClearCache,
  cacheStatus,
  clearSiteDataField,
  explicitLifetime,
  httpDate,
  initialAge,
  membersOf,
  parseCacheControl,
  parseHttpDate,
  variantOf,
  varyingFields,
} from '@cashews/http'
import * as fc from 'fast-check'
import { parseList } from 'structured-headers'
import { describe, expect, it } from 'vitest'

describe('a list', () => {
  it.each([
    ['a, b,,c ,', ['a', 'b', 'c']],
    ['"a,b", c', ['"a,b"', 'c']],
    ['"a\\",b", c', ['"a\\",b"', 'c']],
    ['"a, b', ['"a, b']],
    ['', []],
  ])('%s has its members', (field, members) => {
    expect(membersOf(field)).toEqual(members)
  })

  it('of several lines is split line by line: an open quote hides nothing in the next', () => {
    expect(membersOf(['"open, a', 'no-store'])).toEqual(['"open, a', 'no-store'])
  })

  it('holds nothing that its field did not', () => {
    fc.assert(
      fc.property(fc.string(), (field) => {
        for (const member of membersOf(field)) expect(field).toContain(member)
      }),
    )
  })
})

describe('a date', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'is read as %s',
    (text) => {
      expect(parseHttpDate(text)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37))
    },
  )

  it.each(['SUN, 06 nov 1994 08:49:37 gmt', 'sunday, 06-NOV-94 08:49:37 Gmt', 'sun nov  6 08:49:37 1994'])(
    'is read in any case: %s',
    (text) => {
      expect(parseHttpDate(text)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37))
    },
  )

  it('of a year in two digits is at most 50 years ahead', () => {
    const inYears = (years: number) => new Date().getUTCFullYear() + years
    const read = (year: number) => parseHttpDate(`Monday, 01-Jun-${String(year % 100).padStart(2, '0')} 00:00:00 GMT`)
    for (const years of [-49, -1, 0, 1, 23, 24, 25, 50]) expect(read(inYears(years))).toBe(Date.UTC(inYears(years), 5))
    expect(read(inYears(51))).toBe(Date.UTC(inYears(-49), 5))
  })

  it.each([
    '0',
    '-1',
    '',
    'tomorrow',
    '1994-11-06',
    'Sun, 99 Nov 1994 08:49:37 GMT',
    'Thu, 31 Nov 1994 08:49:37 GMT',
    'Sun, 06 Now 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:49:37 GMT',
    'Sun, 06 Nov 1994 08:60:37 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0100',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun, 06  Nov  1994 08:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08.49.37 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
    `Sun, ${'0'.repeat(100)}`,
  ])('is not read from "%s"', (text) => {
    expect(parseHttpDate(text)).toBeUndefined()
  })

  it('is read as it is written, whenever that is', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
        const second = Math.floor(+date / 1_000) * 1_000
        expect(parseHttpDate(httpDate(+date))).toBe(second)
      }),
    )
  })

  it('is written to the second', () => {
    expect(httpDate(Date.UTC(1994, 10, 6, 8, 49, 37, 999))).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
    expect(httpDate(Date.UTC(1994, 10, 6, 8, 49, 38))).toBe('Sun, 06 Nov 1994 08:49:38 GMT')
  })
})

describe('freshness', () => {
  const now = Date.UTC(2026, 5, 1)
  const lifetime = (fields: Record<string, string>) =>
    explicitLifetime(parseCacheControl(fields['cache-control']), fields, now)

  it('is what s-maxage says, then max-age, then Expires, then nothing', () => {
    const expires = httpDate(now + 30_000)
    expect(lifetime({ 'cache-control': 'max-age=10, s-maxage=20', expires })).toBe(20)
    expect(lifetime({ 'cache-control': 'max-age=10', expires })).toBe(10)
    expect(lifetime({ expires, date: httpDate(now) })).toBe(30)
    expect(lifetime({ expires })).toBe(30)
    expect(lifetime({})).toBeUndefined()
  })

  it('is over where Expires is past, or no date', () => {
    expect(lifetime({ expires: httpDate(now - 1_000) })).toBe(0)
    expect(lifetime({ expires: '0' })).toBe(0)
  })

  it('begins with the age a response came with', () => {
    expect(initialAge({}, now)).toBe(0)
    expect(initialAge({ age: '7' }, now)).toBe(7)
    expect(initialAge({ date: httpDate(now - 9_000), age: '7' }, now)).toBe(9)
    expect(initialAge({ date: httpDate(now + 9_000) }, now)).toBe(0)
  })

  it.each(['old', '-7', '7.5', 'old, 7', '7;x=1', '', ' '])(
    'ignores an age that is no number of seconds: "%s"',
    (age) => {
      expect(initialAge({ age }, now)).toBe(0)
      expect(initialAge({ age, date: httpDate(now - 9_000) }, now)).toBe(9)
    },
  )

  it.each([['7, 0'], [['7', '0']], ['7, old'], ['7,0'], [',7']])('counts the first of several ages: %j', (age) => {
    expect(initialAge({ age }, now)).toBe(7)
  })
})

describe('Vary', () => {
  it('names fields in any case and order, once', () => {
    expect(varyingFields('B, a,b')).toEqual(['a', 'b'])
    expect(varyingFields(['Accept', 'Cookie'])).toEqual(['accept', 'cookie'])
    expect(varyingFields(undefined)).toEqual([])
  })

  it.each(['*', '*, *', ', *', '*, Foo', 'Foo, *'])('shares with nobody where a star is among them: %s', (vary) => {
    expect(varyingFields(vary)).toBe('*')
  })

  it('tells variants apart by each of its fields, and absent from empty', () => {
    const names = ['accept-language', 'x']
    const variants = [{}, { x: '' }, { x: 'a' }, { x: 'a', 'accept-language': 'en' }, { 'accept-language': 'a' }]
    expect(new Set(variants.map((fields) => variantOf(names, fields, undefined))).size).toBe(variants.length)
  })

  it('tells who asks apart', () => {
    const variants = [undefined, '', 'ada', 'bob'].map((identity) => variantOf([], {}, identity))
    expect(new Set(variants).size).toBe(4)
  })

  it('takes requests for the same that accept the same codings', () => {
    const variant = (accept: string | undefined) =>
      variantOf(['accept-encoding'], { 'accept-encoding': accept }, undefined)
    expect(variant('gzip, br')).toBe(variant('br;q=1.0,gzip;q=0.5, evil'))
    expect(variant('gzip, br;q=0')).toBe(variant('gzip'))
    expect(variant('gzip')).not.toBe(variant('br'))
    expect(variant('gzip, identity;q=0')).not.toBe(variant('gzip'))
    expect(variant(undefined)).not.toBe(variant(''))
  })

  it('is added to, once', () => {
    expect(addVary(undefined, 'Accept-Encoding')).toBe('Accept-Encoding')
    expect(addVary('Cookie', 'Accept-Encoding')).toBe('Cookie, Accept-Encoding')
    expect(addVary('accept-encoding', 'Accept-Encoding')).toBe('accept-encoding')
    expect(addVary('*', 'Accept-Encoding')).toBe('*')
  })
})

describe('Cache-Status', () => {
  it.each([
    [{ hit: true, ttl: 376.9 }, 'cashews; hit; ttl=376'],
    [{ hit: true, ttl: -412.5 }, 'cashews; hit; ttl=-413'],
    [{ forward: 'uri-miss', isStored: true } as const, 'cashews; fwd=uri-miss; stored'],
    [{ forward: 'uri-miss', isCollapsed: true } as const, 'cashews; fwd=uri-miss; collapsed'],
    [{ forward: 'stale', forwardStatus: 503, ttl: -1 } as const, 'cashews; fwd=stale; fwd-status=503; ttl=-1'],
    [{ hit: true, key: 'a"b\\c\u00e9\n' }, 'cashews; hit; key="a\\"b\\\\c??"'],
    [{}, 'cashews'],
  ])('says %j', (status, member) => {
    expect(cacheStatus('cashews', status)).toBe(member)
    expect(() => parseList(member)).not.toThrow()
  })
})

describe('Clear-Site-Data', () => {
  it('is written in quotes', () => {
    expect(clearSiteDataField('cache', 'executionContexts')).toBe('"cache", "executionContexts"')
    expect(clearSiteDataField('*')).toBe('"*"')
  })

  it.each([
    ['"cache"', true],
    ['cache', true],
    ['"cookies", "cache"', true],
    ['"*"', true],
    ['"cookies"', false],
    ['"caches"', false],
    [undefined, false],
  ])('asks for the cache to be cleared: %s: %s', (field, expected) => {
    expect(asksToClearCache(field)).toBe(expected)
  })
})

describe('hostile fields', () => {
  /** Reads a long field, and answers how much CPU that took, in microseconds: it does not matter who else uses the machine. */
  const costOf = (read: (field: string) => unknown, field: string): number => {
    const start = process.threadCpuUsage()
    read(field)
    const { user, system } = process.threadCpuUsage(start)
    return user + system
  }

  it.each([
    [1_000_000, ',"'] as const,
    ...[',', ' ', '"', '\\"', 'a=', 'max-age=1,', '"a",', ' ,', 'W/"', '*,', '0'].map(
      (part) => [200_000, part] as const,
    ),
  ])('are read in linear time: %i characters of %j', (length, part) => {
    const long = part.repeat(Math.ceil(length / part.length))
    // A second of CPU for what takes some milliseconds: quadratic reading would take many, or minutes.
    const most = 1_000_000
    expect(costOf((field) => parseCacheControl(field), long)).toBeLessThan(most)
    expect(costOf((field) => membersOf(field, false), long)).toBeLessThan(most)
    expect(costOf((field) => varyingFields(field), long)).toBeLessThan(most)
    expect(
      costOf((field) => variantOf(['accept-encoding'], { 'accept-encoding': field }, undefined), long),
    ).toBeLessThan(most)
    expect(costOf((field) => asksToClearCache(field), long)).toBeLessThan(most)
    expect(costOf((field) => parseHttpDate(field), long)).toBeLessThan(most)
  })
})
