import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileGlob } from '../../src/basics/glob.ts'
import { keyOf } from './key-of.ts'

const one = (value: unknown): string => keyOf((_value: unknown) => 0, { key: 'k:{0}' }, value).slice(2)

describe('text in a key', () => {
  it.each([
    ['user-42', 'user-42'],
    ['me@host.org', 'me@host.org'],
    ['a b', 'a b'],
    ['Größe 寿司 🍣', 'Größe 寿司 🍣'],
    ['a:b', 'a%3Ab'],
    ['*?[]\\', '%2A%3F%5B%5D%5C'],
    ['100%', '100%25'],
    ['(a,b=c){}', '%28a%2Cb%3Dc%29%7B%7D'],
    ['a\n\0\x7f\x85', 'a%0A%00%7F%85'],
    ['#42', '%2342'],
    ['a#b', 'a#b'],
    ['\ud800!', '%uD800!'],
    ['', '#empty'],
  ])('writes %j as %s', (text, key) => {
    expect(one(text)).toBe(key)
  })
})

describe('other values in a key', () => {
  it.each([
    [42, '#42'],
    [-0, '#0'],
    [1.5, '#1.5'],
    [Number.NaN, '#NaN'],
    [Number.NEGATIVE_INFINITY, '#-Infinity'],
    [42n, '#42n'],
    [true, '#true'],
    [null, '#null'],
    [undefined, '#undefined'],
    [new Date(Date.UTC(2024, 0, 2, 3, 4, 5)), '#2024-01-02T03%3A04%3A05.000Z'],
    [Buffer.from('hello'), '#x68656c6c6f'],
    [new Uint8Array([0, 255]), '#x00ff'],
    [new Uint8Array([1, 2]).buffer, '#x0102'],
    [[], '()'],
    [[''], '(#empty)'],
    [['a', 1, null, ['b']], '(a,#1,#null,(b))'],
    [{}, '(=)'],
    [{ b: 2, a: '1' }, '(a=1,b=#2)'],
    [Object.assign(Object.create(null), { a: 1 }), '(a=#1)'],
    [new Set(['b', 'a']), '(#set,a,b)'],
    [new Set(), '(#set)'],
    [
      new Map<unknown, unknown>([
        ['b', 1],
        [1, 'b'],
      ]),
      '(#map,#1=b,b=#1)',
    ],
    [new Map(), '(#map)'],
    [new URL('https://a.b/c'), '#URL(https%3A//a.b/c)'],
    [new TypeError('no: go'), '#TypeError(TypeError%3Ano%3A go)'],
  ])('writes %o as %s', (value, key) => {
    expect(one(value)).toBe(key)
  })

  it.each([
    ['a symbol', Symbol('s'), 'A symbol has no key'],
    ['a function', () => 1, 'A function has no key'],
    ['an object with a symbol for a name', { [Symbol('gt')]: 5 }, 'A symbol has no key'],
    ['an invalid date', new Date(Number.NaN), 'An invalid Date has no key.'],
    ['a promise', Promise.resolve(1), 'A Promise has no key'],
    ['an instance', new (class Account {})(), 'A Account has no key: use formatter.registerType(Account, …)'],
    ['a signal', new AbortController().signal, 'or a key template with {user.id}, or without it'],
    ['an instance in a list', [new (class Account {})()], "a method [Symbol.for('cashews.key')]()"],
    [
      'a key that is no method',
      Object.assign(new (class A {})(), { [Symbol.for('cashews.key')]: 1 }),
      'A A has no key',
    ],
    ['other binary data', new Float32Array(2), 'A Float32Array has no key'],
  ])('refuses %s, and says where it came from', (_, value, message) => {
    expect(() => one(value)).toThrow(message)
    expect(() => one(value)).toThrow('In {0} of the template "k:{0}".')
    expect(() => one(value)).toThrow(expect.objectContaining({ code: 'CASHEWS_KEY_TEMPLATE' }))
  })

  it('refuses a value within itself', () => {
    const loop: unknown[] = []
    loop.push(loop)
    expect(() => one(loop)).toThrow('In {0} of the template')
  })

  it('renders instances as their class says', () => {
    class Point {
      readonly x: number
      constructor(x: number) {
        this.x = x
      }
      [Symbol.for('cashews.key')](): unknown {
        return [this.x]
      }
    }
    expect(one(new Point(3))).toBe('#Point((#3))')
    expect(one([new Point(3)])).toBe('(#Point((#3)))')
  })
})

/** Equal by value: what must share a key. Everything else must not. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (value instanceof Date) return `date ${+value}`
  if (value instanceof Uint8Array) return `bytes ${value.join()}`
  if (value instanceof Set) return `set {${[...new Set([...value].map(canonical))].sort().join()}}`
  if (value instanceof Map)
    return `map {${[...value]
      .map(([k, v]) => `${canonical(k)}:${canonical(v)}`)
      .sort()
      .join()}}`
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([k, v]) => `${canonical(k)}:${canonical(v)}`)
      .sort()
      .join()}}`
  }
  return typeof value === 'string' ? JSON.stringify(value) : `${typeof value} ${value}`
}

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...':*?[]\\%,=(){}#-/ab1'), maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('', '#', '#42', '42', '#empty', '#null', 'null', '()', '(=)', '%23', '#set', '#undefined', '%uD800'),
)
const plain = fc.oneof(
  text,
  fc.integer({ min: -5, max: 50 }),
  fc.double(),
  fc.bigInt({ min: -5n, max: 50n }),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 3 }),
)
const nested = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    plain,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items)),
    fc.dictionary(text, tie('value'), { maxKeys: 3 }),
    fc.array(fc.tuple(plain, tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
  ),
})).value

const wellKeyed = (value: unknown): boolean =>
  !(value instanceof Set) || value.size === new Set([...value].map(canonical)).size

describe('a key', () => {
  const templates = ['{0}:{1}', 'a:{0}:b:{1}:c', '{0}-{1}', '{0}/{1}', '{0}{1}', '{0}A{1}', '{0}%{1}', '{0}#{1}', '{0},{1}', '{0}({1})', '{0}x{1}', '{0}3{1}', '{0} = {1}', '{0}🍣{1}', '{0}u{1}', '{0}={1}', '{0}){1}', '{1}.{0}'] // biome-ignore format: a list
  const fn = (_a: unknown, _b: unknown) => 0

  it('is never shared by two different argument lists', () => {
    fc.assert(
      fc.property(fc.constantFrom(...templates), nested, nested, nested, nested, (key, a, b, c, d) => {
        fc.pre([a, b, c, d].every(wellKeyed))
        const same = canonical([a, b]) === canonical([c, d])
        expect(keyOf(fn, { key }, a, b) === keyOf(fn, { key }, c, d)).toBe(same)
      }),
      { numRuns: 5000 },
    )
  })

  it('is never shared where a separator looks like an escape or a mark', () => {
    expect(keyOf(fn, { key: '{0}%{1}' }, 'x:y', '25z')).not.toBe(keyOf(fn, { key: '{0}%{1}' }, 'x', '253Ay%z'))
    expect(keyOf(fn, { key: '{0}Ā{1}' }, 'Ā', 'x')).not.toBe(keyOf(fn, { key: '{0}Ā{1}' }, '\x100', 'x'))
    expect(keyOf(fn, { key: '{0}#{1}' }, 42, 'x')).not.toBe(keyOf(fn, { key: '{0}#{1}' }, '#42', 'x'))
  })

  it('is never shared by two texts cut at different places', () => {
    fc.assert(
      fc.property(fc.constantFrom(...templates), text, text, text, (key, a, b, c) => {
        fc.pre(b !== '')
        expect(keyOf(fn, { key }, a + b, c)).not.toBe(keyOf(fn, { key }, a, b + c))
      }),
      { numRuns: 10_000 },
    )
  })

  it('holds no lone surrogate, which UTF-8 could not tell apart', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(keyOf(fn, { key: '{0}:{1}' }, a, b).isWellFormed()).toBe(true)
        expect(keyOf(fn, { key: '{0:raw}' }, a).isWellFormed()).toBe(true)
        expect(keyOf(fn, { key: (half) => `k${half}` }, a).isWellFormed()).toBe(true)
      }),
    )
    expect(keyOf(fn, { key: (half) => `${half}` }, 'a\ud800')).toBe('a%uD800')
  })

  it('is the same for equal values, however they were built', () => {
    fc.assert(
      fc.property(fc.dictionary(text, nested), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse())
        expect(one(reversed)).toBe(one(value))
        expect(one(new Map(Object.entries(reversed)))).toBe(one(new Map(Object.entries(value))))
        expect(one(new Set(Object.keys(reversed)))).toBe(one(new Set(Object.keys(value))))
      }),
    )
  })

  it('never acts as a pattern by what an argument holds', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const matches = compileGlob(keyOf(fn, { key: 'page:{0}:x' }, a))
        expect(matches(keyOf(fn, { key: 'page:{0}:x' }, b))).toBe(a === b)
      }),
    )
  })
})
