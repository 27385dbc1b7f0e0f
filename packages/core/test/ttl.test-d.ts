import { createCache, type Ttl, type TtlText } from '@cashews/core'
import { describe, expectTypeOf, it } from 'vitest'

describe('Ttl', () => {
  it('accepts numbers, durations and texts that can be read as one', () => {
    expectTypeOf(60).toExtend<Ttl>()
    expectTypeOf(Number.POSITIVE_INFINITY).toExtend<Ttl>()
    expectTypeOf({ hours: 3, minutes: 2 }).toExtend<Ttl>()
    expectTypeOf<'10'>().toExtend<TtlText>()
    expectTypeOf<'10s'>().toExtend<TtlText>()
    expectTypeOf<'250ms'>().toExtend<TtlText>()
    expectTypeOf<'1.5h'>().toExtend<TtlText>()
    expectTypeOf<'10 m'>().toExtend<TtlText>()
    expectTypeOf<'1h 30m'>().toExtend<TtlText>()
    expectTypeOf<'1h30m'>().toExtend<TtlText>()
    expectTypeOf<'1w2d'>().toExtend<TtlText>()
    expectTypeOf<'1d2h3m50s'>().toExtend<TtlText>()
    expectTypeOf<`${number}s`>().toExtend<TtlText>()
  })

  it('refuses other texts', () => {
    expectTypeOf<'10 minutez'>().not.toExtend<Ttl>()
    expectTypeOf<'soon'>().not.toExtend<Ttl>()
    expectTypeOf<''>().not.toExtend<Ttl>()
    expectTypeOf<'h'>().not.toExtend<Ttl>()
    expectTypeOf<'10y'>().not.toExtend<Ttl>()
    expectTypeOf<string>().not.toExtend<Ttl>()
    expectTypeOf<boolean>().not.toExtend<Ttl>()
    expectTypeOf<{ hour: 1 }>().not.toEqualTypeOf<Ttl>()
  })

  it('is checked where it is written', () => {
    const cache = createCache()
    void cache.set('key', 1, { ttl: '10 m' })
    // @ts-expect-error no unit is called minutez
    void cache.set('key', 1, { ttl: '10 minutez' })
    // @ts-expect-error a part is called hours
    void cache.set('key', 1, { ttl: { hour: 1 } })
    // @ts-expect-error a lock has to end
    void cache.lock('key', {}, () => 1)
    // @ts-expect-error no unit is called y
    void cache.expire('key', '1y')
  })
})
