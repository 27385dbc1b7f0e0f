import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import * as everything from '@cashews/strategies'
import { type Strategies, strategies } from '@cashews/strategies'
import { expect, it } from 'vitest'

it('binds every strategy to one cache', async () => {
  const cache = createCache().setup(memory())
  const bound = strategies(cache)
  const load = bound.cached({ ttl: '1m', key: 'user:{id}' }, async (id: string) => id.length)
  expect([await load('abc'), load.key('abc')]).toEqual([3, 'user:abc'])
  class Shop {
    @bound.rateLimit({ limit: 1, period: '1m', key: 'shop' })
    async open() {
      return true
    }
  }
  const shop = new Shop()
  expect(await shop.open()).toBe(true)
  await expect(shop.open()).rejects.toThrow(everything.RateLimitError)
  await cache.close()
})

it('leaves none out', () => {
  const notStrategies = ['strategies', 'handleOf', 'notNull', 'onlyErrors', 'withErrors', 'setDefaultFailErrors']
  const functions = Object.entries(everything).filter(
    ([, value]) => typeof value === 'function' && !/^class/.test(String(value)),
  )
  const names = functions.map(([name]) => name).filter((name) => !notStrategies.includes(name))
  const bound: Strategies = strategies(createCache())
  expect(Object.keys(bound).sort()).toEqual(names.sort())
})
