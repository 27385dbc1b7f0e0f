import type { Awaitable } from '@cashews/core'
import { createSerializer, registerType, type Serializer, type StandardSchema } from '@cashews/serialization'
import { describe, expectTypeOf, it } from 'vitest'

class Money {
  readonly amount: bigint
  readonly currency: string

  private constructor(amount: bigint, currency: string) {
    this.amount = amount
    this.currency = currency
  }

  static of(amount: bigint, currency: string): Money {
    return new Money(amount, currency)
  }
}

describe('registerType', () => {
  it('gives the decoder what the encoder answers, and takes classes with private constructors', () => {
    registerType(Money, {
      id: 'money',
      encode: ({ amount, currency }) => [amount, currency],
      decode: (data) => {
        expectTypeOf(data).toEqualTypeOf<readonly [bigint, string]>()
        return Money.of(data[0], data[1])
      },
    })
    registerType(Money, {
      id: 'money',
      encode: async ({ currency }) => ({ currency }),
      decode: async (data) => {
        expectTypeOf(data.currency).toBeString()
        return Money.of(0n, data.currency)
      },
    })
  })

  it('refuses a decoder that makes something else', () => {
    // @ts-expect-error: no Money
    registerType(Money, { id: 'money', encode: () => 1, decode: () => 'text' })
  })
})

describe('createSerializer', () => {
  it('takes known options only', () => {
    expectTypeOf(createSerializer({ codec: 'json', compression: 'zstd', maxAge: '1h' })).toEqualTypeOf<Serializer>()
    // @ts-expect-error: no such algorithm
    createSerializer({ compression: 'lzma' })
    // @ts-expect-error: an environment variable may be missing
    createSerializer({ secret: process.env.SECRET })
    // @ts-expect-error: no duration
    createSerializer({ maxAge: '1 hourz' })
  })

  it('answers now or later', () => {
    expectTypeOf<ReturnType<Serializer['encode']>>().toEqualTypeOf<Awaitable<Buffer | string>>()
  })

  it('takes a schema as any library makes it', () => {
    const schema = { '~standard': { version: 1, vendor: 'x', validate: (value: unknown) => ({ value }) } } as const
    expectTypeOf(schema).toExtend<StandardSchema>()
  })
})
