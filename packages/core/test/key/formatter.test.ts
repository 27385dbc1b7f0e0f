import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { compileKey } from '../../src/key/compile-key.ts'
import { formatter } from '../../src/key/formatter.ts'
import { keyOf } from './key-of.ts'

const fn = (user: unknown) => user
const formatted = (placeholder: string, user: unknown): string => keyOf(fn, { key: placeholder }, user)

/** A JSON web token, unpadded as they are; nobody checks its signature here. */
function token(claims: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`
}

describe('the formatters of a template', () => {
  it.each([
    ['{user.name:lower}', { name: 'Bob' }, 'bob'],
    ['{user.name:upper}', { name: 'Bob' }, 'BOB'],
    ['{user:lower}', 42, '#42'],
    ['{user:upper}', undefined, '#undefined'],
    ['{user:len}', 'four', '#4'],
    ['{user:len}', [1, 2], '#2'],
    ['{user:len}', new Set(['a']), '#1'],
    ['{user:len:raw}', 'four', '4'],
    ['{user:get(id)}', { id: 'x' }, 'x'],
    ['{user:get(id)}', new Map([['id', 'x']]), 'x'],
    ['{user[id]}', new Map([['id', 'x']]), 'x'],
    ['{user[id].name}', new Map([['id', { name: 'x' }]]), 'x'],
    ['{user[id]}', new Map([['id', undefined]]), '#undefined'],
    ['{user.size}', new Map([['size', 'x']]), '#1'],
    ['{user:get(id)}', {}, '#undefined'],
    ['{user:get(id)}', null, '#undefined'],
    ['{user:get(id):upper}', { id: 'x' }, 'X'],
    ['{user:json}', { a: 1 }, '%7B"a"%3A1%7D'],
    ['{user:json:raw}', { a: 1 }, '{"a":1}'],
    ['{user.name:hash}', { name: 'Bob' }, 'cd9fb1e148ccd8442e5aa74904cc73bf6fb54d1d54d333bd596aa9bb4bb4e961'],
    ['{user.name:hash()}', { name: 'Bob' }, 'cd9fb1e148ccd8442e5aa74904cc73bf6fb54d1d54d333bd596aa9bb4bb4e961'],
    ['{user.name:hash(sha1)}', { name: 'Bob' }, 'da6645f6e22bf5f75974dc7eed5fcd6160d6b51e'],
    ['{user.name:lower:hash(md5)}', { name: 'BOB' }, '9f9d51bc70ef21ca5c14f307980a29d8'],
    ['{user:jwt(client_id)}', token({ client_id: 'c1' }), 'c1'],
    ['{user:jwt(n)}', token({ n: 42 }), '#42'],
    ['{user:jwt(https://x.y/claim)}', token({ 'https://x.y/claim': 'ü' }), 'ü'],
  ])('%s of %o gives %s', (key, user, text) => {
    expect(formatted(key, user)).toBe(text)
  })

  it('hash distinguishes values that only look alike', () => {
    expect(formatted('{user:hash}', '42')).not.toBe(formatted('{user:hash}', 42))
    expect(formatted('{user:hash}', '#42')).not.toBe(formatted('{user:hash}', 42))
    expect(formatted('{user:hash}', '\ud800')).not.toBe(formatted('{user:hash}', '\ud801'))
  })

  it.each([
    ['{user:len}', 42, 'It has no length.'],
    ['{user.name}', {}, 'There is no "name" in object; ?.name or :get(name) allow that.'],
    ['{user?.name.first}', {}, 'There is no "first" in undefined; ?.first or :get(first) allow that.'],
    ['{user[size]}', new Map([['id', 'x']]), 'There is no "size" in object; :get(size) allow that.'],
    ['{user:len}', undefined, 'It has no length.'],
    ['{user:jwt(sub)}', token({ other: 1 }), 'The token has no claim "sub".'],
    ['{user:jwt(sub)}', 'rubbish', 'The token has no claim "sub".'],
    ['{user:jwt(sub)}', 'a.c2VjcmV0.b', 'The token has no claim "sub".'],
    ['{user:jwt(sub)}', undefined, 'The token has no claim "sub".'],
  ])('%s of %j fails in the call', (key, user, message) => {
    expect(() => formatted(key, user)).toThrow(`${message} In ${key} of the template "${key}".`)
  })

  it('jwt never shows the token in its error', () => {
    expect(() => formatted('{user:jwt(sub)}', 'a.c2VjcmV0.b')).not.toThrow(/c2VjcmV0|secret/)
  })
})

describe('formatter.register', () => {
  it('adds a formatter with arguments, which are text', () => {
    formatter.register('prefix', (value: string, chars = '3') => value.slice(0, Number(chars)).toUpperCase())
    expect(formatted('{user.index:prefix(4)}', { index: 'dwqsxx' })).toBe('DWQS')
    expect(formatted('{user.index:prefix}', { index: 'dwqsxx' })).toBe('DWQ')
    expect(formatted('{user:prefix(1):lower}', 'DW')).toBe('d')
  })

  it('passes several arguments, trimmed', () => {
    formatter.register('between', (value: string, from = '', to = '') => value.slice(Number(from), Number(to)))
    expect(formatted('{user:between(1, 3)}', 'abcd')).toBe('bc')
  })

  it('renders and escapes the result of a formatter', () => {
    formatter.register('shout', (value: string) => `${value}:*`)
    formatter.register('twice', (value: string) => [value, value])
    expect(formatted('{user:shout}', 'a')).toBe('a%3A%2A')
    expect(formatted('{user:twice}', 'a')).toBe('(a,a)')
  })

  it('replaces a formatter also for templates that already use it', () => {
    formatter.register('mark', () => 'old')
    const compiled = compileKey({ fn, kind: 'function' }, { key: '{user:mark}' })
    const key = (): string => compiled.render(undefined, ['same'])
    expect(key()).toBe('old')
    formatter.register('mark', () => 'new')
    expect(key()).toBe('new')
  })

  it('shows what failed, and where', () => {
    formatter.register('broken', () => {
      throw new Error('out of ink.')
    })
    expect(() => formatted('{user:broken}', 1)).toThrow('out of ink. In {user:broken} of the template "{user:broken}".')
  })

  it('refuses a name that a template cannot use', () => {
    for (const name of ['', 'two words', 'raw']) {
      expect(() => formatter.register(name, () => '')).toThrow(ConfigurationError)
    }
  })
})

describe('formatter.registerType', () => {
  class Decimal {
    readonly value: number
    constructor(value: number) {
      this.value = value
    }
  }
  class Price extends Decimal {}
  formatter.registerType(Decimal, ({ value }) => value.toFixed(2))

  it('renders instances under the name of their class, so that they differ from text', () => {
    expect(formatted('{user}', new Decimal(1.1))).toBe('#Decimal(1.10)')
    expect(formatted('{user}', new Price(1.1))).toBe('#Price(1.10)')
    expect(formatted('{user}', [new Decimal(1)])).toBe('(#Decimal(1.00))')
  })

  it('renders them without a mark in raw text', () => {
    expect(formatted('price-{user.price:raw}', { price: new Decimal(10) })).toBe('price-10.00')
  })
})
