import { isDeepStrictEqual } from 'node:util'
import { createSerializer, type SerializerOptions } from '@cashews/serialization'
import fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { roundTrip } from './support.ts'

const host = {
  error(error: unknown): never {
    throw error
  },
}
const serializer = createSerializer()
const write = (value: unknown): Buffer => serializer.encode('key', value) as Buffer
const read = (bytes: Buffer): unknown => serializer.decode('key', bytes, host)

const HEADER = Buffer.of(0xc5, 0x10)
const unicode = fc.string({ unit: 'grapheme', maxLength: 40 })
const key = fc.oneof(fc.string(), unicode).filter((name) => name !== '__proto__')
/** What MessagePack has words for, without lists that would become tables. */
const { plain } = fc.letrec((tie) => ({
  plain: fc.oneof(
    fc.string({ maxLength: 300 }),
    unicode,
    fc.double().map((number) => number + 0),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('plain'), { maxLength: 2 }),
    fc.array(fc.integer(), { maxLength: 40 }),
    fc.dictionary(key, tie('plain'), { maxKeys: 20, noNullPrototype: true }),
  ),
}))

describe('plain data', () => {
  it('is written as MessagePack that others read', () => {
    const others = new Unpackr({ useRecords: false, mapsAsObjects: true })
    fc.assert(
      fc.property(plain, (value) => {
        expect(others.unpack(write([value]).subarray(HEADER.length))).toEqual([value])
      }),
      { numRuns: 1_000 },
    )
  })

  it('is read from MessagePack that others wrote', () => {
    const others = new Packr({ useRecords: false })
    fc.assert(
      fc.property(plain, (value) => {
        expect(read(Buffer.concat([HEADER, others.pack(value)]))).toEqual(value)
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([15, 16, 255, 256, 65_535, 65_536])('is kept where %i is the number of its parts', (length) => {
    const fields = Object.fromEntries(Array.from({ length }, (_, at) => [`key${at}`, at]))
    const values = [fields, Array.from({ length }, (_, at) => [at]), 'a'.repeat(length), Buffer.alloc(length, 1)]
    for (const value of [...values, values]) expect(isDeepStrictEqual(read(write(value)), value)).toBe(true)
  })

  it('is kept in text of any length and alphabet', () => {
    for (const letter of ['a', 'é', '日', '👩', '\ud800'])
      for (const length of [0, 1, 10, 11, 15, 16, 31, 32, 63, 64, 65, 127, 128, 255, 256, 2_000, 30_000, 70_000]) {
        const value = { [letter.repeat(length)]: letter.repeat(length), ascii: `a${letter}`.repeat(3) }
        expect(isDeepStrictEqual(read(write(value)), value), `${length} × ${letter}`).toBe(true)
      }
  })

  it('stays what it was while other values are written', () => {
    const values = Array.from({ length: 400 }, (_, at) => ({ at, text: String(at % 10).repeat((at * 37) % 3_000) }))
    const written = values.map(write)
    const copies = written.map((bytes) => Buffer.from(bytes))
    expect(written.map(read)).toEqual(values)
    expect(written).toEqual(copies)
  })

  it('may be written while other data is: a getter writes a value of its own', () => {
    const inner = { inner: 'x'.repeat(100) }
    const outer = {
      before: 1,
      get written() {
        return read(write(inner))
      },
      after: 2,
    }
    expect(read(write(outer))).toEqual({ before: 1, written: inner, after: 2 })
  })

  it('is written after a getter threw', () => {
    const broken = {
      get part() {
        throw new Error('not today')
      },
    }
    expect(() => write([1, 2, broken])).toThrow(/Cannot keep the value of "key": not today/)
    expect(read(write({ a: 1 }))).toEqual({ a: 1 })
  })

  it('has the fields of its own alone, whatever all objects have', () => {
    const value = [{ a: 1 }, { a: 2 }, { a: 3 }, { b: { c: 1 } }]
    Object.defineProperty(Object.prototype, 'everywhere', { value: 1, enumerable: true, configurable: true })
    const bytes = write(value)
    Reflect.deleteProperty(Object.prototype, 'everywhere')
    expect(read(bytes)).toEqual(value)
  })
})

describe.each<SerializerOptions>([{ codec: 'msgpack' }, { codec: 'json' }])('any data in $codec', (options) => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
    maxDepth: 5,
    maxKeys: 20,
  })

  it('comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (value) => {
        expect(isDeepStrictEqual(await roundTrip(value, options), value)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('comes back as it was in tables', async () => {
    const rows = fc
      .uniqueArray(fc.string(), { minLength: 1, maxLength: 6 })
      .chain((keys) =>
        fc
          .array(fc.tuple(...keys.map(() => anything)), { minLength: 2, maxLength: 8 })
          .map((table) => table.map((cells) => Object.fromEntries(keys.map((name, at) => [name, cells[at]])))),
      )
    await fc.assert(
      fc.asyncProperty(rows, async (value) => {
        expect(isDeepStrictEqual(await roundTrip(value, options), value)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
