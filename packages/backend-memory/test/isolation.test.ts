import { MISS, ValueError } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { opened } from './support.ts'

const HOUR = 3_600_000

class Money {
  readonly amount: number
  currency = { code: 'NOK' }
  constructor(amount: number) {
    this.amount = amount
  }
  get cents(): number {
    return this.amount * 100
  }
}

class Settings extends Map<string, unknown> {
  label = { text: 'settings' }
}

class Failure extends Error {
  readonly status = { code: 503 }
}

class Hidden {
  #secret = 1
  reveal() {
    return this.#secret
  }
}

class Point {
  #x: number
  constructor(x: number) {
    this.#x = x
  }
  get x() {
    return this.#x
  }
  [Symbol.for('cashews.clone')]() {
    return new Point(this.#x)
  }
}

function nested(depth: number): unknown[] {
  let value: unknown[] = []
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

function roundTrip<T>(value: T): T {
  const { store } = opened()
  store.set('a', value, HOUR)
  return store.get('a') as T
}

describe("isolation: 'clone'", () => {
  it.each([undefined, null, true, 0, -0, Number.NaN, '', 'text', 10n ** 30n])('keeps %o as it is', (value) => {
    expect(roundTrip(value)).toBe(value)
  })

  const values: [name: string, make: () => object, change: (value: never) => unknown][] = [
    ['a plain object', () => ({ a: 1, b: 'x' }), (value: { a: number }) => value.a++],
    [
      'a nested object',
      () => ({ a: { b: { c: [1] } } }),
      (value: { a: { b: { c: number[] } } }) => value.a.b.c.push(2),
    ],
    ['an object with bytes', () => ({ a: Buffer.from('a') }), (value: { a: Buffer }) => value.a.fill(0)],
    ['an object with a Date', () => ({ a: new Date(5) }), (value: { a: Date }) => value.a.setTime(6)],
    [
      'an object with a URL',
      () => ({ a: new URL('https://example.org/') }),
      (value: { a: URL }) => (value.a.hash = 'b'),
    ],
    ['a key called __proto__', () => JSON.parse('{ "__proto__": 1 }'), (value: { b?: number }) => (value.b = 2)],
    ['a list', () => [3, 1, 2], (value: number[]) => value.sort()],
    ['a list of objects', () => [{ a: 1 }, [2]], (value: [{ a: number }]) => value[0].a++],
    ['a list with holes', () => Object.assign(new Array(3), { 1: 5 }), (value: number[]) => value.fill(0)],
    [
      'an object without a prototype',
      () => Object.assign(Object.create(null), { a: { b: 1 } }),
      (value: { a: { b: number } }) => value.a.b++,
    ],
    [
      'symbol keys',
      () => ({ [Symbol.for('s')]: { a: 1 } }),
      (value: Record<symbol, { a: number }>) => (value[Symbol.for('s')] as { a: number }).a++,
    ],
    ['a Date', () => new Date(5), (value: Date) => value.setTime(6)],
    [
      'a Map',
      () => new Map([[{ k: 1 }, { v: [1] }]]),
      (value: Map<unknown, { v: number[] }>) => [...value.values()][0]?.v.push(2),
    ],
    [
      'a key of a Map',
      () => new Map([[{ k: 1 }, 'a']]),
      (value: Map<{ k: number }, string>) => {
        for (const key of value.keys()) key.k++
      },
    ],
    ['a Set', () => new Set([{ a: 1 }]), (value: Set<unknown>) => value.add(2)],
    ['a Buffer', () => Buffer.from('abc'), (value: Buffer) => value.fill(0)],
    ['a typed array', () => new Float64Array([1.5, 2]), (value: Float64Array) => value.fill(0)],
    ['a BigInt64Array', () => new BigInt64Array([1n]), (value: BigInt64Array) => value.fill(0n)],
    ['an ArrayBuffer', () => new Uint8Array([1, 2]).buffer, (value: ArrayBuffer) => new Uint8Array(value).fill(0)],
    [
      'a DataView',
      () => new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 1),
      (value: DataView) => value.setUint8(0, 9),
    ],
    ['a URL', () => new URL('https://example.org/a?b=1'), (value: URL) => value.searchParams.set('b', '2')],
    ['URLSearchParams', () => new URLSearchParams('a=1'), (value: URLSearchParams) => value.append('a', '2')],
    ['a RegExp', () => Object.assign(/a/gi, { lastIndex: 2 }), (value: RegExp) => (value.lastIndex = 0)],
    ['an instance', () => new Money(5), (value: Money) => (value.currency.code = 'EUR')],
    [
      'an instance of a class that extends Map',
      () => new Settings([['a', { b: 1 }]]),
      (value: Settings) => value.clear(),
    ],
    ['an error', () => new Failure('down', { cause: { host: 'db' } }), (value: Failure) => (value.status.code = 500)],
    [
      'an AggregateError',
      () => new AggregateError([new TypeError('a')], 'both'),
      (value: AggregateError) => value.errors.pop(),
    ],
  ]

  it.each(values)('answers %s as it was written', (_, make) => {
    const written = make()
    const value = roundTrip(written)
    expect(value).not.toBe(written)
    expect(show(value)).toBe(show(written))
    expect(Object.getPrototypeOf(value)).toBe(Object.getPrototypeOf(written))
  })

  it.each(values)('keeps %s apart from the one that was written', (_, make, change) => {
    const { store } = opened()
    const [mine, same] = [make(), make()]
    store.set('a', mine, HOUR)
    const before = store.get('a')
    change(mine as never)
    expect(show(store.get('a'))).toBe(show(before))
    change(same as never)
    expect(show(same)).not.toBe(show(before))
  })

  it.each(values)('keeps %s apart from those that were read', (_, make, change) => {
    const { store } = opened()
    store.set('a', make(), HOUR)
    for (const read of [
      () => store.get('a'),
      () => store.getMany(['a'])[0],
      () => store.getRaw('a'),
      () => store.getNow('a'),
    ]) {
      const value = read()
      const before = show(value)
      change(value as never)
      expect(show(store.get('a'))).toBe(before)
    }
    const { value } = store.inspect('a') as { value: unknown }
    const before = show(value)
    change(value as never)
    expect(show(store.get('a'))).toBe(before)
  })

  function show(value: unknown): string {
    const own = (object: object) => Object.getOwnPropertyDescriptors(object)
    if (value instanceof ArrayBuffer) return new Uint8Array(value).join()
    if (value instanceof DataView) return String(value.getUint8(0))
    if (value instanceof Map) return JSON.stringify([...value])
    if (value instanceof Set) return JSON.stringify([...value])
    if (value instanceof RegExp) return `${value}${value.lastIndex}`
    if (value instanceof Date || value instanceof URL || value instanceof URLSearchParams) return `${+value}${value}`
    if (ArrayBuffer.isView(value)) return String(value)
    const { stack: _, ...shown } = own(value as object) as Record<string, unknown>
    return JSON.stringify([
      shown,
      Reflect.ownKeys(value as object).map((key) => (value as Record<PropertyKey, unknown>)[key]),
    ])
  }

  it('keeps what an error is: class, message, cause, stack and properties of its own', () => {
    const error = new Failure('down', { cause: new TypeError('inner') })
    const copy = roundTrip(error)
    expect(copy).not.toBe(error)
    expect(copy).toBeInstanceOf(Failure)
    expect([copy.message, copy.stack, copy.status]).toEqual([error.message, error.stack, { code: 503 }])
    expect(copy.cause).toBeInstanceOf(TypeError)
    expect(copy.cause).not.toBe(error.cause)
    expect(Object.keys(copy)).toEqual(['status'])
  })

  it('keeps the DOMException that fetch and abort signals throw, whose message is not a property of its own', () => {
    class Late extends DOMException {}
    for (const error of [
      new DOMException('gone', 'AbortError'),
      AbortSignal.abort().reason,
      new Late('late', 'TimeoutError'),
    ]) {
      const copy = roundTrip(Object.assign(error, { url: '/a' }))
      expect(copy).not.toBe(error)
      expect(copy).toBeInstanceOf(error.constructor)
      expect({ ...copy, name: copy.name, message: copy.message, code: copy.code, stack: copy.stack }).toEqual({
        url: '/a',
        name: error.name,
        message: error.message,
        code: error.code,
        stack: error.stack,
      })
    }
  })

  it('keeps methods and accessors of an instance', () => {
    expect(roundTrip(new Money(5)).cents).toBe(500)
  })

  it('keeps cycles and shared parts as they are', () => {
    const shared = { n: 1 }
    const value: Record<string, unknown> = { one: shared, two: shared, map: new Map([['s', shared]]), list: [shared] }
    value.self = value
    const copy = roundTrip(value)
    expect(copy.self).toBe(copy)
    expect(copy.one).not.toBe(shared)
    expect([copy.two, (copy.map as Map<string, unknown>).get('s'), (copy.list as unknown[])[0]]).toEqual([
      copy.one,
      copy.one,
      copy.one,
    ])
    expect(copy.two).toBe(copy.one)
    expect((copy.list as unknown[])[0]).toBe(copy.one)
  })

  it('keeps a cycle through a Set, a Map, an instance and an error', () => {
    const set = new Set<unknown>()
    const error = new Failure('x', { cause: set })
    const money = Object.assign(new Money(1), { error })
    set.add(new Map([['money', money]]))
    const copy = roundTrip(set)
    const [map] = copy as Set<Map<string, { error: Error }>>
    expect(map?.get('money')?.error.cause).toBe(copy)
  })

  it('pollutes no prototype', () => {
    const hostile = JSON.parse(
      '{"__proto__":{"polluted":{"deep":1}},"constructor":{"prototype":{"polluted":1}},"a":{"__proto__":[]}}',
    )
    const copy = roundTrip(hostile)
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(copy.polluted).toBeUndefined()
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(Object.hasOwn(copy, '__proto__')).toBe(true)
    expect(JSON.stringify(copy)).toBe(JSON.stringify(hostile))
  })

  it('runs no getter on a read', () => {
    let runs = 0
    const value = {
      get now() {
        runs++
        return { a: 1 }
      },
    }
    const { store } = opened()
    store.set('a', value, HOUR)
    const before = runs
    store.get('a')
    expect(store.get('a')).toEqual({ now: { a: 1 } })
    expect(runs).toBe(before)
  })

  it('asks a class that knows how to copy itself, at write and at read', () => {
    const point = new Point(3)
    const copy = roundTrip({ point, list: [point] })
    expect(copy.point).not.toBe(point)
    expect(copy.point.x).toBe(3)
    expect(copy.list[0]).toBe(copy.point)
  })

  it('shares what nobody can change', () => {
    const format = new Intl.NumberFormat('en')
    expect(roundTrip({ format }).format).toBe(format)
  })

  it.each([
    ['a function', () => {}, /function/],
    ['a method in an object', { save() {} }, /function "save"/],
    ['a class', Money, /function "Money"/],
    ['a symbol', Symbol('s'), /symbol/],
    ['the sign of a miss', MISS, /symbol/],
    ['a promise', Promise.resolve(1), /"Promise".*work in progress/],
    [
      'a thenable',
      new (class Query {
        // biome-ignore lint/suspicious/noThenProperty: this is what is refused
        then() {}
      })(),
      /"Query".*work in progress/,
    ],
    ['a WeakMap', new WeakMap(), /"WeakMap"/],
    ['a WeakSet in a list', [new WeakSet()], /"WeakSet"/],
    ['a WeakRef', new WeakRef({}), /"WeakRef"/],
    ['a generator', (function* () {})(), /private state/],
    ['an async generator', (async function* () {})(), /private state/],
    ['an iterator', [1].values(), /Iterator|private state/],
    ['a web stream', new ReadableStream(), /"ReadableStream".*work in progress/],
    ['a response', new Response('x'), /"Response"/],
    ['shared memory', new SharedArrayBuffer(1), /"SharedArrayBuffer"/],
    ['an instance with private fields', new Hidden(), /"Hidden".*private state/],
    ['one deep inside', { a: [new Map([['k', new Hidden()]])] }, /"Hidden".*private state/],
    ['an instance that inherits them', new (class Child extends Hidden {})(), /private state/],
    [
      'an instance with private methods',
      new (class Calls {
        #call() {}
        call() {
          this.#call()
        }
      })(),
      /"Calls".*private state/,
    ],
  ])('refuses %s when it is written, and names the remedies', (_, value, message) => {
    const { store } = opened()
    store.set('a', 'before', HOUR)
    const write = () => store.set('a', value, HOUR)
    expect(write).toThrow(ValueError)
    expect(write).toThrow(message)
    expect(write).toThrow(/plain data.*cashews\.clone.*isolation: 'none'/)
    expect(() => store.setRaw('a', value, HOUR)).toThrow(ValueError)
    const writes = [{ op: 'delete', key: 'a' } as const, { op: 'set', key: 'b', value, lifetime: HOUR } as const]
    expect(() => store.apply([], writes)).toThrow(ValueError)
    expect(store.get('a')).toBe('before')
  })

  it('refuses a value that is nested too deeply, and names its key', () => {
    const { store } = opened()
    const write = () => store.set('user:1', nested(100_000), HOUR)
    expect(write).toThrow(ValueError)
    expect(write).toThrow('Cannot write "user:1": it is nested too deeply.')
  })

  it('names the key, and the cause, of a value with a getter that throws', () => {
    const { store } = opened()
    const cause = new TypeError('it is not ready')
    const value = {
      get later() {
        throw cause
      },
    }
    const refusal = expect.objectContaining({ message: 'Cannot write "user:1": it is not ready', cause })
    expect(() => store.set('user:1', value, HOUR)).toThrow(refusal)
  })

  it('recognizes a class by its definition, whatever its text contains', () => {
    class Colour {
      value = '#fff'
      css() {
        return `a #main { color: ${this.value} } /* see #issue */`
      }
    }
    expect(roundTrip(new Colour()).css()).toContain('#fff')
  })
})

describe("isolation: 'freeze'", () => {
  it('freezes what is written, with all its parts, and returns the same object', () => {
    const { store } = opened({ isolation: 'freeze' })
    const value = { list: [{ a: 1 }], money: new Money(1), error: new Failure('x'), self: {} as unknown }
    value.self = value
    store.set('a', value, HOUR)
    expect(store.get('a')).toBe(value)
    for (const part of [value, value.list, value.list[0], value.money, value.money.currency, value.error.status])
      expect(Object.isFrozen(part)).toBe(true)
    expect(() => value.list.push({ a: 2 })).toThrow(TypeError)
  })

  it('freezes what is nested however deeply', () => {
    const { store } = opened({ isolation: 'freeze' })
    const value = nested(100_000)
    store.set('a', value, HOUR)
    expect(store.get('a')).toBe(value)
    expect(Object.isFrozen((value as [unknown[]])[0])).toBe(true)
  })

  it('freezes nothing of what it refuses', () => {
    const { store } = opened({ isolation: 'freeze' })
    const value = { list: [1], changing: new Map() }
    expect(() => store.set('a', value, HOUR)).toThrow(ValueError)
    expect(Object.isFrozen(value.list)).toBe(false)
  })

  it.each([
    new Map(),
    new Set(),
    new Date(),
    Buffer.from('a'),
    { deep: [new Uint8Array(1)] },
    new Hidden(),
    () => {},
    new URL('a:b'),
  ])('refuses %o, which can be changed although it is frozen', (value) => {
    const { store } = opened({ isolation: 'freeze' })
    expect(() => store.set('a', value, HOUR)).toThrow(ValueError)
    expect(store.exists('a')).toBe(false)
  })

  it.each([1, 'text', null, undefined, 5n])('keeps %o', (value) => {
    const { store } = opened({ isolation: 'freeze' })
    store.set('a', value, HOUR)
    expect(store.get('a')).toBe(value)
  })
})

describe("isolation: 'none'", () => {
  it.each([{}, [], new Map(), () => {}, new Hidden(), Promise.resolve(1), Symbol('s')])(
    'answers %o itself',
    (value) => {
      const { store } = opened({ isolation: 'none' })
      store.set('a', value, HOUR)
      expect(store.get('a')).toBe(value)
    },
  )

  it('still tells values from sets, bits and windows', () => {
    const { store } = opened({ isolation: 'none' })
    store.set('before', 1, HOUR)
    store.sets.add('set', ['a'])
    store.bits.incr('bits', [0], 1, 1)
    store.windows.incr('window', { start: 0, end: 1, max: 1, lifetime: HOUR })
    expect(store.getMany(['set', 'before', 'bits', 'window'])).toEqual([MISS, 1, MISS, MISS])
  })
})
