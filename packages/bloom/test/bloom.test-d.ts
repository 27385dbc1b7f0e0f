import { type Bloom, bloom, type DualBloom, dualBloom } from '@cashews/bloom'
import { createCache } from '@cashews/core'
import { expectTypeOf, test } from 'vitest'

const cache = createCache()

test('a filter takes the arguments of its function', () => {
  const exists = bloom(cache, { name: 'emails', capacity: 10 }, async (email: string) => email !== '')
  expectTypeOf(exists).parameters.toEqualTypeOf<[email: string]>()
  expectTypeOf(exists('a')).resolves.toBeBoolean()
  exists.setMany(['a', 'b'])
  exists.setMany([['a'], ['b']])
  // @ts-expect-error an element is a text
  exists.setMany([1])
  // @ts-expect-error so is an argument
  exists.set(1)
})

test('elements of several parameters are lists of arguments', () => {
  const owns = dualBloom(cache, { name: 'owns', capacity: 10 }, (user: number, item: string) => user > item.length)
  owns.setMany([[1, 'a']], true)
  // @ts-expect-error one is missing
  owns.setMany([[1]], true)
})

test('a template is checked against the parameters', () => {
  bloom(cache, { name: 'emails', capacity: 10, key: '{0:lower}' }, (email: string) => email !== '')
  // @ts-expect-error there is no second parameter
  bloom(cache, { name: 'emails', capacity: 10, key: '{1}' }, (email: string) => email !== '')
})

test('a decorator checks the names in its template against args', () => {
  bloom(cache, { name: 'emails', capacity: 10, key: '{this.host}:{email}', args: ['email'] })
  // @ts-expect-error no parameter is called mail
  bloom(cache, { name: 'emails', capacity: 10, key: '{mail}', args: ['email'] })
  // @ts-expect-error nor here
  dualBloom(cache, { name: 'emails', capacity: 10, key: '{mail}', args: ['email'] })
})

test('a function that does not answer yes or no has no filter', () => {
  // @ts-expect-error it answers text
  bloom(cache, { name: 'emails', capacity: 10 }, async (email: string) => email)
})

test('without its function it is a decorator of one, and of methods', () => {
  const ask = async (email: string) => email !== ''
  expectTypeOf(bloom(cache, { name: 'emails', capacity: 10 })(ask)).toEqualTypeOf<Bloom<typeof ask>>()
  expectTypeOf(dualBloom(cache, { name: 'emails', capacity: 10 })(ask)).toEqualTypeOf<DualBloom<typeof ask>>()
  class Shop {
    @bloom(cache, { name: 'sells', capacity: 10 })
    async sells(item: string): Promise<boolean> {
      return item !== ''
    }
    // @ts-expect-error it does not answer yes or no
    @bloom(cache, { name: 'price', capacity: 10 })
    async price(item: string): Promise<number> {
      return item.length
    }
  }
  expectTypeOf(new Shop().sells).toEqualTypeOf<(item: string) => Promise<boolean>>()
})
