import { inspect, isDeepStrictEqual } from 'node:util'
import { createSerializer } from '@cashews/serialization'
import fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { describe, expect, it } from 'vitest'

const PLAIN_HEADER = 2
/** As the serializer has them. */
const packr = new Packr({ useRecords: false, useToJSON: false })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true })
const serializer = createSerializer({ strict: true })
const host = {
  error(error: unknown): never {
    throw error
  },
}

const encode = (value: unknown) => serializer.encode('key', value) as Buffer
const decode = (bytes: Buffer) => serializer.decode('key', bytes, host)
const payloadOf = (value: unknown) => encode(value).subarray(PLAIN_HEADER)
const roundTrip = (value: unknown) => decode(encode(value))
/** The bytes of a value that is kept beside one which is not plain: written by msgpackr. */
const besideMap = (value: unknown) => {
  const whole = payloadOf([value, new Map()])
  return whole.subarray(1, whole.length - payloadOf(new Map()).length)
}

const LIMITS = [5, 6, 7, 8, 15, 16, 31, 32, 53, 64].flatMap((bits) => [2 ** bits - 1, 2 ** bits, 2 ** bits + 1])
const number = fc
  .oneof(
    fc.constantFrom(0, ...LIMITS, ...LIMITS.map((limit) => -limit), 1e21, 0.1, Number.MIN_VALUE, Number.MAX_VALUE),
    fc.double(),
    fc.integer(),
  )
  .filter((value) => !Object.is(value, -0))
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({ maxLength: 40 }),
  fc
    .tuple(
      fc.constantFrom('a', 'é', 'λ', '日', '👩'),
      fc.constantFrom(7, 15, 16, 31, 32, 63, 64, 127, 255, 256, 22_000, 65_536),
    )
    .map(([unit, times]) => unit.repeat(times)),
)
const key = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('constructor', 'toJSON', 'hasOwnProperty', 'length', '7', '-1'),
  )
  .filter((name) => name !== '__proto__' && name !== '$')
const leaf = fc.oneof(text, number, fc.boolean(), fc.constant(null), fc.constant(undefined))
const list = (of: fc.Arbitrary<unknown>) =>
  fc.oneof(fc.array(of, { maxLength: 4 }), fc.array(leaf, { minLength: 14, maxLength: 18 }))
const object = (of: fc.Arbitrary<unknown>) =>
  fc.oneof(
    fc.dictionary(key, of, { maxKeys: 4, noNullPrototype: true }),
    fc.dictionary(key, leaf, { minKeys: 14, maxKeys: 18, noNullPrototype: true }),
  )
const table = (of: fc.Arbitrary<unknown>) =>
  fc.uniqueArray(key, { minLength: 1, maxLength: 3 }).chain((keys) =>
    fc.array(
      fc.tuple(...keys.map(() => of)).map((row) => Object.fromEntries(keys.map((name, at) => [name, row[at]]))),
      {
        minLength: 3,
        maxLength: 20,
      },
    ),
  )
/** What MessagePack says as it is. */
const { plain } = fc.letrec<{ plain: unknown }>((tie) => ({
  plain: fc.oneof({ maxDepth: 3 }, leaf, list(tie('plain')), object(tie('plain'))),
}))
/** And what becomes tagged parts. */
const { settled } = fc.letrec<{ settled: unknown }>((tie) => ({
  settled: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.date({ noInvalidDate: false }),
    list(tie('settled')),
    object(tie('settled')),
    table(tie('settled')),
    fc.tuple(table(leaf), leaf).map(([rows, odd]) => [...rows, odd]),
  ),
}))

describe('plain data', () => {
  it('is written in the bytes of msgpackr', () => {
    fc.assert(
      fc.property(plain, (value) => {
        fc.pre(!Number.isSafeInteger(value) && !hasTable(value))
        const payload = payloadOf(value)
        expect(payload.toString('hex')).toBe(packr.pack(value).toString('hex'))
        expect(isDeepStrictEqual(unpackr.unpack(payload), value), inspect(value)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('is written in the same bytes beside something else', () => {
    fc.assert(
      fc.property(settled, (value) => {
        fc.pre(!Number.isSafeInteger(value))
        expect(payloadOf(value).toString('hex')).toBe(besideMap(value).toString('hex'))
      }),
      { numRuns: 200 },
    )
  })

  it('comes back as it was', () => {
    fc.assert(
      fc.property(settled, (value) => {
        expect(isDeepStrictEqual(roundTrip(value), value), inspect(value)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('leaves what was written before as it is', () => {
    const values = Array.from({ length: 3_000 }, (_, at) => ({ at, text: 'x'.repeat(at % 700), list: [at, [`${at}`]] }))
    const written = values.map(encode)
    const some = values.slice(0, 500)
    const large = [some, some.toReversed(), values].map(encode)
    expect(written.map(decode)).toEqual(values)
    expect(large.map(decode)).toEqual([some, some.toReversed(), values])
  })

  it.each<[string, () => unknown]>([
    ['null', () => null],
    ['true', () => true],
    ['undefined', () => undefined],
    ['an integer', () => 70_000],
    ['a fraction', () => 0.5],
    ['a date', () => new Date(0)],
    ['an empty list', () => []],
    ['an empty object', () => ({})],
    ['short text', () => 'ab'],
  ])('may be a list of 10,000 times %s', (_, make) => {
    const value = Array.from({ length: 10_000 }, make)
    expect(roundTrip(value)).toEqual(value)
  })

  it('may have 10,000 names for its fields', () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `field ${at}`)
    const values = names.map((name) => ({ [name]: name }))
    expect(values.map(roundTrip)).toEqual(values)
    const whole = Object.assign({}, ...values)
    expect(roundTrip(whole)).toEqual(whole)
    expect(roundTrip(values)).toEqual(values)
  })

  it('may have more fields than a map of msgpackr', () => {
    const many = Object.fromEntries(Array.from({ length: 65_536 }, (_, at) => [`f${at}`, at]))
    expect(roundTrip(many)).toEqual(many)
  })

  it('keeps the order of keys that are numbers', () => {
    const value = { b: 1, 2: 'two', a: 2, 1: 'one' }
    expect(Object.keys(roundTrip(value) as object)).toEqual(['1', '2', 'b', 'a'])
  })

  it('may be text, a fraction, or nothing', () => {
    for (const value of ['', 'a', 'é', 1.5, true, null, undefined]) expect(roundTrip(value)).toBe(value)
  })

  it.each([
    ['half a surrogate pair', { text: 'a\ud800b' }],
    ['half a surrogate pair in long text', [`${'x'.repeat(100)}\udc00`]],
    ['a replacement character', { text: 'a\ufffdb' }],
    ['a key that is half a surrogate pair', { 'a\ud800': 1 }],
    ['a row with half a surrogate pair', [{ a: 1 }, { a: '\ud800' }, { a: 3 }]],
    ['a column that is half a surrogate pair', [{ '\ud800': 1 }, { '\ud800': 2 }, { '\ud800': 3 }]],
    ['a key named __proto__', JSON.parse('{"a":{"__proto__":1}}')],
    ['a key named $', { a: { $: [1, 2] } }],
    ['-0', { a: [-0] }],
    ['an object without prototype', { a: Object.assign(Object.create(null), { b: 1 }) }],
    ['a hole', { a: Object.assign([1], { 2: undefined }) }],
    ['rows of which one is odd', [{ a: 1 }, { a: 2 }, { a: new Map() }, { b: 4 }]],
    ['rows of which one is missing', Object.assign([{ a: 1 }, { a: 2 }], { 3: { a: 3 } })],
  ])('comes back as it was with %s', (_, value) => {
    const found = roundTrip(value)
    expect(isDeepStrictEqual(found, value), inspect(found)).toBe(true)
  })

  it('keeps parts that are met again', () => {
    const part = { a: 1 }
    const at = new Date(0)
    const found = roundTrip({ one: part, other: [part], rows: [{ at }, { at }, { at }] }) as {
      one: object
      other: object[]
      rows: { at: Date }[]
    }
    expect(found.other[0]).toBe(found.one)
    expect(found.rows[2]?.at).toBe(found.rows[0]?.at)
    const ring: unknown[] = []
    ring.push(ring)
    const copy = roundTrip(ring) as unknown[]
    expect(copy[0]).toBe(copy)
    const self: Record<string, unknown> = {}
    self.self = self
    const other = roundTrip(self) as Record<string, unknown>
    expect(other.self).toBe(other)
  })

  it.each([
    ['a function', { a: 1, b: () => 1 }],
    ['a toJSON', { toJSON: () => 1 }],
    ['a symbol', [{ a: Symbol('a') }]],
    ['a symbol for a key', { a: 1, [Symbol('b')]: 1 }],
    ['a symbol for a key of a row', [{ a: 1 }, { a: 2, [Symbol('b')]: 1 }, { a: 3 }]],
    ['an instance', [{ a: new (class Money {})() }]],
    ['an instance without a prototype of its own', { a: Object.create({}) }],
  ])('is refused with %s', (_, value) => {
    expect(() => encode(value)).toThrow('Cannot store the value of "key"')
  })

  it('is refused where it is nested too deeply', () => {
    const shallow = createSerializer({ limits: { depth: 3 } })
    expect(() => shallow.encode('key', { a: { b: { c: 1 } } })).not.toThrow()
    expect(() => shallow.encode('key', { a: { b: { c: {} } } })).toThrow('nested more than 3 levels deep')
    expect(() => shallow.encode('key', [[[[]]]])).toThrow('nested more than 3 levels deep')
    const rows = (part: string) => Array.from({ length: 3 }, () => JSON.parse(`{"part":[${part}]}`))
    expect(() => shallow.encode('key', rows('1'))).not.toThrow()
    expect(() => shallow.encode('key', rows('[]'))).toThrow('nested more than 3 levels deep')
    const json = createSerializer({ codec: 'json', limits: { depth: 3 } })
    expect(() => json.encode('key', rows('[]'))).toThrow('nested more than 3 levels deep')
  })

  it('leaves out what others gave to every object', () => {
    Object.defineProperty(Object.prototype, 'everybody', {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    })
    try {
      expect(payloadOf({ a: 1 }).toString('hex')).toBe('de0001a16101')
    } finally {
      delete (Object.prototype as Record<string, unknown>).everybody
    }
  })
})

describe('plain data that answers by code', () => {
  it('may write a value of its own meanwhile', () => {
    let inner: Buffer | undefined
    const value = {
      before: 'before',
      get within() {
        inner = encode({ inner: 'x'.repeat(50) })
        return 'within'
      },
      after: ['after', { a: 1 }],
    }
    const outer = encode(value)
    expect(decode(outer)).toEqual({ before: 'before', within: 'within', after: ['after', { a: 1 }] })
    expect(decode(inner as Buffer)).toEqual({ inner: 'x'.repeat(50) })
  })

  it('may fail, and nobody else does', () => {
    const torn = {
      before: 'before',
      get part(): never {
        throw new Error('torn')
      },
    }
    const before = encode({ a: 1 })
    expect(() => encode(torn)).toThrow('Cannot store the value of "key": torn.')
    expect(() => encode([[torn]])).toThrow('torn')
    expect(roundTrip({ b: 2 })).toEqual({ b: 2 })
    expect(decode(before)).toEqual({ a: 1 })
  })

  it('may change what comes after it', () => {
    const list: unknown[] = [
      1,
      {
        get part() {
          list.length = 2
          return 'part'
        },
      },
      3,
    ]
    expect(roundTrip(list)).toEqual([1, { part: 'part' }])
    const rows: unknown[] = [
      {
        get a() {
          rows[2] = { b: 1 }
          return 1
        },
      },
      { a: 2 },
      { a: 3 },
    ]
    expect(roundTrip(rows)).toEqual([{ a: 1 }, { a: 2 }, { b: 1 }])
  })

  it('may be read by a proxy', () => {
    const value = new Proxy({ a: 1, b: { c: new Proxy([1, 2], {}) } }, {})
    expect(roundTrip(value)).toEqual({ a: 1, b: { c: [1, 2] } })
  })
})

/** Whether a list in it is written as a table, which msgpackr has not. */
function hasTable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const parts = Object.values(value)
  const isTable = Array.isArray(value) && payloadOf(value)[0] === 0xd4
  return isTable || parts.some(hasTable)
}
