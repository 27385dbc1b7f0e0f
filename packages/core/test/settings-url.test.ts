import { ConfigurationError, type OptionKind, optionsFromUrl, TtlError } from '@cashews/core'
import { describe, expect, it } from 'vitest'

const read = (query: string, kind: OptionKind): unknown =>
  optionsFromUrl(`x://host/path?value=${query}`, { value: kind }).value

describe('the options of a settings URL', () => {
  it.each<[string, OptionKind, unknown]>([
    ['text', 'text', 'text'],
    ['0123', 'text', '0123'],
    ['1e5', 'text', '1e5'],
    ['', 'text', ''],
    ['a%2Bb+c%20d', 'text', 'a+b c d'],
    ['a=b?c', 'text', 'a=b?c'],
    ['10', 'integer', 10],
    ['-1', 'integer', -1],
    ['0.5', 'number', 0.5],
    ['1e5', 'number', 100_000],
    ['1', 'boolean', true],
    ['TRUE', 'boolean', true],
    ['yes', 'boolean', true],
    ['on', 'boolean', true],
    ['0', 'boolean', false],
    ['False', 'boolean', false],
    ['no', 'boolean', false],
    ['off', 'boolean', false],
    ['10', 'duration', 10_000],
    ['1h30m', 'duration', 5_400_000],
    ['250ms', 'duration', 250],
    ['100', 'bytes', 100],
    ['64mb', 'bytes', 64 * 1024 ** 2],
    ['1.5K', 'bytes', 1_536],
    ['1.3k', 'bytes', 1_331],
    ['2g', 'bytes', 2 * 1024 ** 3],
  ])('read %j as %s', (query, kind, value) => {
    expect(read(query, kind)).toBe(value)
  })

  it.each<[string, OptionKind, string]>([
    ['ten', 'integer', 'a whole number'],
    ['1.5', 'integer', 'a whole number'],
    ['', 'integer', 'a whole number'],
    ['nan', 'number', 'a number'],
    ['', 'number', 'a number'],
    ['inf', 'number', 'a number'],
    ['2', 'boolean', 'true or false'],
    ['', 'boolean', 'true or false'],
    ['constructor', 'boolean', 'true or false'],
    ['10 tb', 'bytes', 'a size such as 64mb'],
    ['constructor', 'bytes', 'a size such as 64mb'],
    ['1constructor', 'bytes', 'a size such as 64mb'],
  ])('refuse %j where it has to be %s, and say what is valid', (query, kind, valid) => {
    expect(() => read(query, kind)).toThrow(ConfigurationError)
    expect(() => read(query, kind)).toThrow(`value of x://host/path?value=${query} must be ${valid}, not "${query}".`)
  })

  it('refuse blanks where there has to be a number', () => {
    expect(() => read('+%20', 'number')).toThrow('must be a number, not "  ".')
  })

  it('refuse text that is not a duration', () => {
    expect(() => read('soon', 'duration')).toThrow(TtlError)
    expect(() => read('soon', 'duration')).toThrow("'soon' is not a valid value: it is not a duration")
  })

  it('may be written with underscores, dashes or in camelCase; the last one wins', () => {
    const kinds = { checkInterval: 'integer' } as const
    expect(optionsFromUrl('x://?check_interval=1', kinds)).toEqual({ checkInterval: 1 })
    expect(optionsFromUrl('x://?check-interval=1', kinds)).toEqual({ checkInterval: 1 })
    expect(optionsFromUrl('x://?checkInterval=1&check_interval=2', kinds)).toEqual({ checkInterval: 2 })
  })

  it('end at the fragment, and are empty without a query', () => {
    expect(optionsFromUrl('x://host?a=1#b=2', { a: 'integer' })).toEqual({ a: 1 })
    expect(optionsFromUrl('x://host', { a: 'integer' })).toEqual({})
    expect(optionsFromUrl('x://host?', { a: 'integer' })).toEqual({})
  })

  it('are listed in the error about an unknown one, without the secrets of the URL', () => {
    const read = () =>
      optionsFromUrl('x://me:hunter2@host?sice=1&password=hunter2&api_key=hunter2', { size: 'integer', secret: 'text' })
    expect(read).toThrow(/size, secret.* not sice/)
    expect(read).not.toThrow('hunter2')
  })

  it.each([
    'x://me:hunter2@hunter2@host?sice=1',
    'x://me:hunter2/hunter2@host?sice=1',
    'x://host?sice=1&auth_token=hunter2#a',
    'x://host?sice=1&passphrase=hunter2',
  ])('of %s that do not exist are told without its secret', (url) => {
    expect(() => optionsFromUrl(url, { size: 'integer' })).toThrow('not sice.')
    expect(() => optionsFromUrl(url, { size: 'integer' })).not.toThrow('hunter2')
  })

  it('keep the upper case of text', () => {
    expect(optionsFromUrl('x://?directory=/Var/Cache', { directory: 'text' })).toEqual({ directory: '/Var/Cache' })
  })

  it('are not looked up on the prototype of objects', () => {
    expect(() => optionsFromUrl('x://?constructor=1', { size: 'integer' })).toThrow('not constructor.')
    expect(() => optionsFromUrl('x://?__proto__=1', { size: 'integer' })).toThrow(ConfigurationError)
  })
})
