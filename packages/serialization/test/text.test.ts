import { createSerializer } from '@cashews/serialization'
import { describe, expect, it } from 'vitest'

const host = {
  error(error: unknown): never {
    throw error
  },
}
const shared = { a: 1 }

describe('a serializer for a store that keeps text', () => {
  const serializer = createSerializer({}, { mostText: 200 })
  const roundTrip = (value: unknown) => serializer.decode('key', serializer.encode('key', value) as Buffer, host)

  it.each([
    ['text', 'plain'],
    ['a fraction', 1.5],
    ['booleans and null', [true, false, null]],
    ['an object', { name: 'Ada', age: 36, tags: ['a', 'b'], more: { deep: [1, [2]] } }],
    ['odd text', ['\u0000', '\ud800', 'é', '"\\']],
    ['an empty object', {}],
  ])('answers JSON text for %s', (_, value) => {
    expect(serializer.encode('key', value)).toBe(JSON.stringify(value))
    expect(roundTrip(value)).toEqual(value)
  })

  it.each([
    ['undefined', undefined],
    ['a field that is undefined', { a: undefined }],
    ['-0', -0],
    ['NaN', [Number.NaN]],
    ['a date', { at: new Date(0) }],
    ['bytes', { bytes: Buffer.from('abc') }],
    ['a bigint', 10n],
    ['a key named __proto__', JSON.parse('{"__proto__":1}')],
    ['a part that occurs twice', { one: shared, other: shared }],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 })],
    ['a hole', Object.assign([1], { 2: 3 })],
    ['more text than that', 'x'.repeat(300)],
    ['an object with a hidden toJSON', Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'else' })],
    ['a list with a hidden toJSON', Object.defineProperty([1], 'toJSON', { value: () => 'else' })],
  ])('answers an envelope for %s', (_, value) => {
    expect(serializer.encode('key', value)).toBeInstanceOf(Buffer)
    expect(roundTrip(value)).toEqual(value)
  })

  it('refuses what cannot be kept, as ever', () => {
    expect(() => serializer.encode('key', { a: () => 1 })).toThrow(/Cannot store the value of "key"/)
    expect(() => serializer.encode('key', { [Symbol('a')]: 1 })).toThrow(/symbol/)
    const torn = {
      get part() {
        throw new Error('torn')
      },
    }
    expect(() => serializer.encode('key', torn)).toThrow('Cannot store the value of "key": torn.')
    const shallow = createSerializer({ limits: { depth: 2 } }, { mostText: 200 })
    expect(shallow.encode('key', { a: [1] })).toBe('{"a":[1]}')
    expect(() => shallow.encode('key', { a: [[1]] })).toThrow('nested more than 2 levels deep')
  })

  it('makes a miss of text that is too large', () => {
    const small = createSerializer({ limits: { encoded: 5 }, strict: true }, { mostText: 200 })
    expect(small.decode('key', '"abc"', host)).toBe('abc')
    expect(() => small.decode('key', '"abcd"', host)).toThrow('takes 6 bytes, and limits.encoded is 5')
  })

  it.each([
    { secrets: ['a secret of many letters'] },
    { compression: 'gzip' as const },
    { codec: { encode: JSON.stringify, decode: String } },
  ])('answers an envelope when values are sealed or compressed, or written by a codec of your own: %j', (options) => {
    const sealing = createSerializer(options, { mostText: 200 })
    expect(sealing.encode('key', { a: 1 })).toBeInstanceOf(Buffer)
  })

  it('does not believe text where values are sealed, but for counters', () => {
    const sealing = createSerializer({ secrets: ['a secret of many letters'], strict: true }, { mostText: 200 })
    expect(() => sealing.decode('key', '{"admin":true}', host)).toThrow(/not written by this library/)
    expect(sealing.decode('key', '42', host)).toBe(42)
  })
})
