import { bloom, dualBloom } from '@cashews/bloom'
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

test('a function that does not answer yes or no has no filter', () => {
  // @ts-expect-error it answers text
  bloom(cache, { name: 'emails', capacity: 10 }, async (email: string) => email)
})
