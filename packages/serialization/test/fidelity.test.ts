import { inspect, isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import { ValueError } from '@cashews/core'
import type { SerializerOptions } from '@cashews/serialization'
import { describe, expect, it, vi } from 'vitest'
import { roundTrip } from './support.ts'

const CODECS: readonly SerializerOptions[] = [{ codec: 'msgpack' }, { codec: 'json' }]

const deep = (levels: number): unknown => (levels === 0 ? 'bottom' : { in: [deep(levels - 1)] })

class Row {}

const VALUES: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  true: true,
  false: false,
  'an empty text': '',
  'text beyond ASCII': 'é 日本語 👩‍👩‍👧 \u0000 \u2028',
  'long text': 'λ'.repeat(100_000),
  'text of digits': '42',
  'text that no UTF-8 can say': 'a\ud800b',
  zero: 0,
  'a negative zero': -0,
  'a negative zero inside': { at: [-0] },
  'a negative zero for a field': { at: -0 },
  'a safe integer': Number.MAX_SAFE_INTEGER,
  'a negative integer': -42,
  'an unsafe integer': 2 ** 53,
  'a fraction': -1.5,
  'the smallest number': Number.MIN_VALUE,
  NaN: Number.NaN,
  'no number for a field': { at: Number.NaN },
  'nothing for a field': { at: undefined },
  'fields of every simple kind': { text: 'a', number: 1.5, flag: true, nothing: null },
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  'numbers of every size': [0, 1, 31, 32, 63, 64, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, -1, -33, -2e9],
  'a big integer': 123n,
  'a big integer of 64 bits': [2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 0n],
  'a huge big integer': -(7n ** 500n),
  'a date': new Date('1815-12-10T12:00:00.123Z'),
  'an invalid date': new Date(Number.NaN),
  'the last date': new Date(8.64e15),
  'a map': new Map<unknown, unknown>([
    ['a', 1],
    [2, new Map([[{ k: 1 }, undefined]])],
    [null, [1n]],
  ]),
  'a set': new Set([1, 'two', new Set([undefined])]),
  'a URL': new URL('https://user@example.org:8080/path?q=1#f'),
  'search parameters': new URLSearchParams([
    ['a', '1'],
    ['a', '2 &'],
  ]),
  'a Buffer': Buffer.from([0, 128, 255]),
  'an empty Buffer': Buffer.alloc(0),
  'a large Buffer': Buffer.alloc(100_000, 7),
  'an ArrayBuffer': new Uint8Array([1, 2, 3]).buffer,
  'a DataView': new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  'typed arrays': [
    new Int8Array([-1, 1]),
    new Uint8Array([0, 128, 255]),
    new Uint8ClampedArray([255]),
    new Int16Array([-300]),
    new Uint16Array([65_535]),
    new Int32Array([-70_000]),
    new Uint32Array([2 ** 32 - 1]),
    new Float32Array([1.5, Number.NaN]),
    new Float64Array([Math.PI, -0]),
    new BigInt64Array([-1n]),
    new BigUint64Array([2n ** 64n - 1n]),
  ],
  'a view of a part of its buffer': new Uint16Array([1, 2, 3, 4]).subarray(1, 3),
  'an empty list': [],
  'an empty object': {},
  'a list with undefined': [undefined, null],
  'a list with holes': Object.assign(new Array(5), { 1: 'one', 3: undefined }),
  'nested plain data': {
    name: 'Ada',
    tags: ['x'],
    address: { city: 'London', empty: '' },
    none: null,
    maybe: undefined,
  },
  'a list of alike objects': Array.from({ length: 50 }, (_, id) => ({
    id,
    name: `n${id}`,
    at: new Date(id),
    in: { id },
  })),
  'a list of objects that differ in the order of keys': [{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: 1, b: 2 }, { a: 1 }],
  'a list of alike objects and others': [{ a: 1 }, { a: 2 }, { a: 3 }, null, 'x', [1]],
  'an object without a prototype': Object.assign(Object.create(null), { a: 1, b: { c: [2] } }),
  'keys of every kind': {
    '': 1,
    é: 2,
    'a b': 3,
    0: 4,
    'a\udc00': 5,
    constructor: 6,
    toString: 7,
    hasOwnProperty: 8,
    $: [1, 2],
  },
  'what looks like a tagged part': { $: [2, 0] },
  'what begins like a tagged part': { $: 2 },
  'a key named __proto__': JSON.parse('{"__proto__":{"polluted":true},"b":1}'),
  'a key named __proto__ for text': JSON.parse('{"__proto__":"a","b":1}'),
  'a key named __proto__ in a list': JSON.parse('[{"__proto__":1},{"__proto__":2},{"__proto__":3}]'),
  'an object with many keys': Object.fromEntries(Array.from({ length: 70_000 }, (_, at) => [`k${at}`, at])),
  'a long list': Array.from({ length: 70_000 }, (_, at) => at),
  'a deep value': deep(400),
  'objects of another realm': runInNewContext('({ list: [1, { a: null }] })'),
}

describe.each(CODECS)('values in $codec', (options) => {
  it.each(Object.entries(VALUES))('keep %s', async (name, value) => {
    const found = await roundTrip(value, options)
    // Objects of another realm come back as ours.
    if (name === 'objects of another realm') expect(found).toEqual({ list: [1, { a: null }] })
    else expect(isDeepStrictEqual(found, value), `it came back as ${inspect(found)}`).toBe(true)
  })

  it.each([
    'new Date(5)',
    'new Map([[{ at: new Date(6) }, new Set([1n])]])',
    'Object.assign(new TypeError("a"), { code: "E", cause: new Error("b") })',
    'new Float64Array([1.5, -0])',
    'new Uint8Array([1, 2]).buffer',
    'new DataView(new Uint8Array([1, 2, 3]).buffer, 1)',
    '[{ a: new Date(7), b: 1 }, { a: new Date(8), b: 2 }, { a: new Date(9), b: 3 }]',
  ])('restore %s of another realm as ours', async (code) => {
    const found = await roundTrip(runInNewContext(code), options)
    expect(isDeepStrictEqual(found, new Function(`return ${code}`)()), `it came back as ${inspect(found)}`).toBe(true)
  })

  it('restore dates that fake timers have made, and later ones', async () => {
    const before = new Date(1)
    vi.useFakeTimers({ toFake: ['Date'] })
    const faked = new Date(2)
    const value = new Map<unknown, unknown>([[before, faked]])
    const then = await roundTrip(value, options)
    vi.useRealTimers()
    const now = await roundTrip([faked, value], options)
    expect(inspect(then)).toBe(inspect(value).replaceAll('ClockDate ', ''))
    expect(isDeepStrictEqual(now, [new Date(2), new Map([[new Date(1), new Date(2)]])])).toBe(true)
  })

  it.each([
    'new (class Money extends Map {})',
    'new (class Date { at = 1 })',
    'Object.setPrototypeOf(new Error(), Object.create(Error.prototype))',
    'Object.create(Set.prototype)',
    'new (class { get [Symbol.toStringTag]() { return "Map" } })',
    'Promise.resolve()',
    '/a/',
  ])('refuse %s of another realm', async (code) => {
    await expect(roundTrip(runInNewContext(code), options)).rejects.toThrow(ValueError)
  })

  it('keep which class bytes are of', async () => {
    const [buffer, bytes] = (await roundTrip([Buffer.of(1), Uint8Array.of(1)], options)) as [Buffer, Uint8Array]
    expect(Buffer.isBuffer(buffer)).toBe(true)
    expect(Buffer.isBuffer(bytes)).toBe(false)
    expect(bytes).toBeInstanceOf(Uint8Array)
  })

  it('keep the order of keys, members and entries', async () => {
    const keys = ['z', 'a', 'm']
    const value = [Object.fromEntries(keys.map((key) => [key, 1])), new Set(keys), new Map(keys.map((key) => [key, 1]))]
    const [object, set, map] = (await roundTrip(value, options)) as [object, Set<string>, Map<string, number>]
    expect([Object.keys(object), [...set], [...map.keys()]]).toEqual([keys, keys, keys])
  })

  it('keep shared parts shared', async () => {
    const shared = { name: 'Ada' }
    const found = (await roundTrip({ one: shared, list: [shared, new Map([[shared, shared]])] }, options)) as {
      one: object
      list: [object, Map<object, object>]
    }
    expect(found.list[0]).toBe(found.one)
    expect(found.list[1].get(found.one)).toBe(found.one)
    expect(found.one).toEqual(shared)
  })

  it('keep rows shared', async () => {
    const row = { a: 1 }
    const found = (await roundTrip([row, { a: 2 }, row, row], options)) as object[]
    expect(found).toEqual([{ a: 1 }, { a: 2 }, { a: 1 }, { a: 1 }])
    expect(found[2]).toBe(found[0])
  })

  it('do not grow with what is shared a million times', async () => {
    let value: unknown = ['leaf']
    for (let level = 0; level < 20; level++) value = [value, value]
    const found = (await roundTrip(value, options)) as unknown[][]
    expect(found[0]).toBe(found[1])
  })

  it('keep cycles', async () => {
    interface Node {
      self?: unknown
      list: unknown[]
      map: Map<unknown, unknown>
      set: Set<unknown>
      error: Error
    }
    const value: Node = { list: [], map: new Map(), set: new Set(), error: new Error('round') }
    value.self = value
    value.list.push(value.list, value)
    value.map.set(value.map, value)
    value.set.add(value.set)
    value.error.cause = value
    const found = (await roundTrip(value, options)) as Node
    expect(found.self).toBe(found)
    expect(found.list[0]).toBe(found.list)
    expect(found.list[1]).toBe(found)
    expect(found.map.get(found.map)).toBe(found)
    expect(found.set.has(found.set)).toBe(true)
    expect(found.error.cause).toBe(found)
  })

  it('keep errors with their class, name, cause, code and fields, but no stack', async () => {
    const cause = Object.assign(new RangeError('inner'), { code: 'E_INNER' })
    const error = Object.assign(new TypeError('outer', { cause }), { code: 'E_OUTER', details: new Map([['a', 1]]) })
    error.name = 'SpecialError'
    const found = (await roundTrip(error, options)) as TypeError & { code: string; details: unknown; cause: Error }
    expect(found).toBeInstanceOf(TypeError)
    expect(found).toMatchObject({
      name: 'SpecialError',
      message: 'outer',
      code: 'E_OUTER',
      details: new Map([['a', 1]]),
    })
    expect(found.cause).toBeInstanceOf(RangeError)
    expect(found.cause).toMatchObject({ name: 'RangeError', message: 'inner', code: 'E_INNER' })
    expect(Object.keys(found)).toEqual(Object.keys(error))
    expect(found.stack).not.toContain(' at ')
    expect(new Error('of somebody else, later').stack).toContain(' at ')
  })

  it('can be changed like those that were written', async () => {
    const value = JSON.parse('{"__proto__":1,"error":0,"bare":0}')
    value.error = Object.assign(new Error('m'), { code: 'E' })
    value.bare = Object.assign(Object.create(null), { a: 1 })
    const found = (await roundTrip(value, options)) as typeof value
    for (const name of ['message', 'code']) found.error[name] = 'changed'
    found.bare.a = 'changed'
    expect([found.error.message, found.error.code, found.bare.a]).toEqual(['changed', 'changed', 'changed'])
    Object.defineProperty(found, '__proto__', { value: 'changed' })
    for (const [part, name] of [
      [found, '__proto__'],
      [found.error, 'code'],
      [found.bare, 'a'],
    ] as const)
      expect(Reflect.deleteProperty(part, name)).toBe(true)
  })

  it('keep the stack of errors when asked', async () => {
    const error = new Error('here')
    expect((await roundTrip(error, { ...options, errorStacks: true })) as Error).toHaveProperty('stack', error.stack)
  })

  it('keep the errors of an AggregateError, and a DOMException', async () => {
    const found = (await roundTrip(new AggregateError([new Error('one')], 'all'), options)) as AggregateError
    expect(found).toBeInstanceOf(AggregateError)
    expect(found).toMatchObject({ message: 'all', errors: [{ message: 'one' }] })
    const aborted = (await roundTrip(new DOMException('too late', 'TimeoutError'), options)) as DOMException
    expect(aborted).toBeInstanceOf(DOMException)
    expect(aborted).toMatchObject({ name: 'TimeoutError', message: 'too late' })
  })

  it('are copies: changing the value after it was encoded changes nothing', async () => {
    const { createSerializer } = await import('@cashews/serialization')
    const serializer = createSerializer({ strict: true, ...options })
    const value = { list: [1], bytes: Buffer.of(1) }
    const encoded = await serializer.encode('key', value)
    value.list.push(2)
    value.bytes[0] = 2
    const found = await serializer.decode('key', Buffer.from(encoded as Buffer), { error() {} })
    expect(found).toEqual({ list: [1], bytes: Buffer.of(1) })
  })

  it('read do not change when the bytes they were read from do, nor when others are read', async () => {
    const { createSerializer } = await import('@cashews/serialization')
    const serializer = createSerializer({ strict: true, ...options })
    for (const size of [4, 100_000]) {
      const value = [Buffer.alloc(size, 1), 'text']
      const bytes = Buffer.from((await serializer.encode('key', value)) as Buffer)
      const found = await serializer.decode('key', bytes, { error() {} })
      bytes.fill(0)
      const other = Buffer.from((await serializer.encode('key', [Buffer.alloc(size, 2), 'else'])) as Buffer)
      await serializer.decode('key', other, { error() {} })
      expect(found).toEqual(value)
    }
  })

  it.each([
    ['a function', { list: [1, { go: function go() {} }] }, /it\.list\[1\]\.go is the function "go"/],
    ['a function without a name', [() => {}], /it\[0\] is a function without a name/],
    ['a symbol', [Symbol('s')], /it\[0\] is the symbol Symbol\(s\)/],
    ['a symbol for a key', { a: { [Symbol('s')]: 1 } }, /it\.a is .*it has the symbol Symbol\(s\) as a key/],
    [
      'a symbol without a prototype',
      Object.assign(Object.create(null), { [Symbol('s')]: 1 }),
      /it has the symbol Symbol/,
    ],
    ['a symbol beside text', { a: 'b', [Symbol('s')]: 1 }, /it is .*it has the symbol Symbol\(s\) as a key/],
    ['a RegExp', new Map([['k', /x/]]), /it\.get\("k"\) is an object of class "RegExp"/],
    [
      'an instance of a class',
      [{ 'a b': new Row() }],
      /it\[0\]\["a b"\] is an object of class "Row".*registerType\(Row/,
    ],
    [
      'an error of a class of your own',
      new (class NotFound extends Error {})('x'),
      /it is an object of class "NotFound"/,
    ],
    ['a subclass of a built-in class', new (class Dated extends Date {})(), /class "Dated"/],
    ['a list of a class of your own', new (class List extends Array {})(), /class "List"/],
    ['an object that inherits', [Object.create({ a: 1 })], /it\[0\] is an object of class "Object".*\{ \.\.\.it \}/],
    ['a promise', { later: Promise.resolve(1) }, /it\.later is an object of class "Promise".*Await it first/],
    ['a WeakMap', [new WeakMap()], /class "WeakMap"/],
    ['a boxed number', [Object(1)], /class "Number"/],
    ['an instance in a row', [{ a: 1 }, { a: 2 }, { a: new Row() }], /it\[2\]\.a is an object of class "Row"/],
    ['an instance in a set', new Set([new Row()]), /it's member 0 is an object of class "Row"/],
    ['what is nested too deeply', deep(600), /^.{0,400}nested more than 1000 levels/],
    ['a Response', new Response('a'), /class "Response".*registerResponse\(\)/],
    ['streams', [new ReadableStream()], /class "ReadableStream".*registerStreams\(\)/],
    ['what has no class', (function* () {})(), /class "Generator"/],
  ])('refuse %s, and say where it is', async (_, value, message) => {
    await expect(roundTrip(value, options)).rejects.toMatchObject({
      code: 'CASHEWS_VALUE',
      message: expect.stringMatching(message),
    })
  })
})
