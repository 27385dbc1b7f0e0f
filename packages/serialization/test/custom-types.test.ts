import { createSerializer, registerType, type SerializerOptions } from '@cashews/serialization'
import { beforeAll, describe, expect, it } from 'vitest'
import { asBytes, missOf, roundTrip } from './support.ts'

class Money {
  readonly amount: bigint
  readonly currency: string

  constructor(amount: bigint, currency: string) {
    this.amount = amount
    this.currency = currency
  }
}

class Basket {
  readonly items: readonly unknown[]

  constructor(items: readonly unknown[]) {
    this.items = items
  }
}

class Remote {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

class SpecialRemote extends Remote {}

class Gated {
  readonly gate: PromiseWithResolvers<{ list: number[] }>

  constructor(gate: PromiseWithResolvers<{ list: number[] }>) {
    this.gate = gate
  }
}

class Knot {
  self: unknown
}

class Picky {}

class Broken {}

let encodings = 0

beforeAll(() => {
  registerType(Money, {
    id: 'test/money',
    encode: ({ amount, currency }) => {
      encodings++
      return [amount, currency]
    },
    decode: ([amount, currency]) => new Money(amount, currency),
  })
  registerType(Basket, {
    id: 'test/basket',
    encode: ({ items }) => ({ items }),
    decode: ({ items }) => new Basket(items),
  })
  registerType(Remote, {
    id: 'test/remote',
    subclasses: true,
    encode: async ({ name }) => {
      await new Promise((resolve) => setImmediate(resolve))
      return { name, price: new Money(1n, name) }
    },
    decode: async ({ name }) => {
      await new Promise((resolve) => setImmediate(resolve))
      return new Remote(name)
    },
  })
  registerType(Gated, { id: 'test/gated', encode: ({ gate }) => gate.promise, decode: (data) => data as never })
  registerType(Knot, { id: 'test/knot', encode: ({ self }) => self, decode: () => new Knot() })
  registerType(Broken, {
    id: 'test/broken',
    encode: async () => {
      throw new Error('out of paper')
    },
    decode: () => new Broken(),
  })
  registerType(Picky, {
    id: 'test/picky',
    encode: () => ({}),
    decode: () => {
      throw new TypeError('not picky enough')
    },
  })
})

const CODECS: readonly SerializerOptions[] = [{ codec: 'msgpack' }, { codec: 'json' }]

describe.each(CODECS)('a registered class in $codec', (options) => {
  it('comes back as its instances', async () => {
    const value = {
      price: new Money(5n, 'EUR'),
      all: new Map([[new Money(1n, 'USD'), new Set([new Money(2n, 'GBP')])]]),
    }
    const found = (await roundTrip(value, options)) as typeof value
    expect(found).toEqual(value)
    expect(found.price).toBeInstanceOf(Money)
  })

  it('may hold instances of others, and may be the whole value', async () => {
    const basket = new Basket([new Basket([new Money(1n, 'EUR')]), new Remote('x'), 'plain'])
    const found = (await roundTrip(basket, options)) as Basket
    expect(found).toEqual(basket)
    expect(found.items[0]).toBeInstanceOf(Basket)
    expect(found.items[1]).toBeInstanceOf(Remote)
  })

  it('encodes an instance once, and keeps it one', async () => {
    const money = new Money(1n, 'EUR')
    encodings = 0
    const found = (await roundTrip([money, { money }, money], options)) as [Money, { money: Money }, Money]
    expect(encodings).toBe(1)
    expect(found[0]).toBeInstanceOf(Money)
    expect(found[1].money).toBe(found[0])
    expect(found[2]).toBe(found[0])
  })

  it('may encode and decode asynchronously, and meanwhile the rest of the value does not change', async () => {
    const value = {
      before: [1],
      bytes: Buffer.of(1),
      remote: new Remote('r'),
      rows: [{ a: [1] }, { a: [2] }, { a: [3] }],
    }
    const serializer = createSerializer({ strict: true, ...options })
    const encoding = serializer.encode('key', value)
    value.before.push(2)
    value.bytes[0] = 2
    value.rows[0]?.a.push(2)
    const found = await serializer.decode('key', asBytes(await encoding), { error() {} })
    const rows = [{ a: [1] }, { a: [2] }, { a: [3] }]
    expect(found).toEqual({ before: [1], bytes: Buffer.of(1), remote: new Remote('r'), rows })
  })

  it('may encode several instances, of which the first is the last to finish', async () => {
    const basket = new Basket([1])
    const value = [basket, new Gated(Promise.withResolvers()), new Gated(Promise.withResolvers())] as const
    const [, slow, fast] = value
    const encoding = createSerializer(options).encode('key', value)
    const soon = { list: [1] }
    fast.gate.resolve(soon)
    await new Promise((resolve) => setImmediate(resolve))
    soon.list.push(2)
    ;(basket.items as unknown[]).push(2)
    slow.gate.resolve({ list: [3] })
    const found = await createSerializer(options).decode('key', asBytes(await encoding), { error() {} })
    expect(found).toEqual([new Basket([1]), { list: [3] }, { list: [1] }])
  })

  it('keeps subclasses as the class itself where it says so, and refuses them elsewhere', async () => {
    const found = await roundTrip(new SpecialRemote('s'), options)
    expect(Object.getPrototypeOf(found)).toBe(Remote.prototype)
    await expect(roundTrip(new (class More extends Basket {})([]), options)).rejects.toThrow(/class "More"/)
  })

  it('that encodes to what holds the instance itself is refused', async () => {
    const knot = new Knot()
    knot.self = { inside: [knot] }
    await expect(roundTrip(knot, options)).rejects.toMatchObject({
      code: 'CASHEWS_VALUE',
      message: expect.stringMatching(/contains the instance itself\.$/),
    })
  })

  it('that cannot encode fails the write with its reason', async () => {
    const failed = roundTrip({ one: new Broken(), other: new Broken() }, options)
    await expect(failed).rejects.toMatchObject({
      code: 'CASHEWS_VALUE',
      message: 'Cannot store the value of "key": type "test/broken": out of paper.',
    })
  })

  it('whose decoder throws is a miss', async () => {
    const serializer = createSerializer(options)
    const bytes = asBytes(await serializer.encode('key', [new Picky()]))
    expect(await missOf(serializer, bytes)).toMatchObject({ reason: 'type', message: expect.stringContaining('picky') })
  })
})

it('a registered class in a value that cannot be read leaves nothing behind for the next one', async () => {
  const serializer = createSerializer({ codec: 'json' })
  const bytes = asBytes(await serializer.encode('key', [new Picky(), new Date(0)]))
  await missOf(serializer, Buffer.from(bytes.toString('latin1').replace('[2,0]', '[2,9,0]'), 'latin1'))
  expect(await serializer.decode('key', Buffer.from('c5115b315d', 'hex'), { error() {} })).toEqual([1])
})

describe('registerType', () => {
  it('refuses an id that another class has, and a definition that lacks a part', () => {
    class Other {}
    const definition = { encode: () => 1, decode: () => new Other() }
    expect(() => registerType(Other, { ...definition, id: 'test/money' })).toThrow(
      /"test\/money" is taken by class "Money"/,
    )
    expect(() => registerType(Other, { ...definition, id: '' })).toThrow(/needs an id/)
    expect(() => registerType(Other, { ...definition, id: 5 as never })).toThrow(/needs an id/)
    for (const missing of ['encode', 'decode'])
      expect(() => registerType(Other, { ...definition, id: 'test/other', [missing]: undefined })).toThrow(
        /registerType\(Other\) needs two functions/,
      )
    expect(() => registerType(Other, undefined as never)).toThrow(/takes a class and an object/)
    for (const Class of [Object, Array])
      expect(() => registerType(Class, { ...definition, id: 'test/other' })).toThrow(/are stored as they are/)
    for (const Class of [{}, undefined])
      expect(() => registerType(Class as never, { ...definition, id: 'test/other' })).toThrow(/takes a class/)
  })

  it('replaces the definition of a class that is registered again', async () => {
    class Versioned {
      readonly version: number

      constructor(version: number) {
        this.version = version
      }
    }
    registerType(Versioned, { id: 'test/v1', encode: () => null, decode: () => new Versioned(1) })
    const old = asBytes(await createSerializer().encode('key', new Versioned(0)))
    registerType(Versioned, { id: 'test/v2', encode: () => null, decode: () => new Versioned(2) })
    expect(await roundTrip(new Versioned(0))).toEqual(new Versioned(2))
    expect(await missOf(createSerializer(), old)).toMatchObject({ reason: 'type' })
    expect(() => registerType(class {}, { id: 'test/v1', encode: () => null, decode: () => ({}) })).not.toThrow()
  })
})
