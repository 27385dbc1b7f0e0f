import { memory } from '@cashews/backend-memory'
import { bloom } from '@cashews/bloom'
import { createCache } from '@cashews/core'
import * as everything from '@cashews/strategies'
import { type Strategies, strategies } from '@cashews/strategies'
import { describe, expect, it } from 'vitest'

describe('strategies()', () => {
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

  it('leaves out no strategy', () => {
    const notStrategies = ['strategies', 'handleOf', 'notNull', 'onlyErrors', 'withErrors', 'setDefaultFailErrors']
    const functions = Object.entries(everything).filter(
      ([, value]) => typeof value === 'function' && !/^class/.test(String(value)),
    )
    const names = functions.map(([name]) => name).filter((name) => !notStrategies.includes(name))
    const bound: Strategies = strategies(createCache())
    expect(Object.keys(bound).sort()).toEqual(names.sort())
  })
})

const cache = createCache().setup(memory())
const all = strategies(cache)
const ttl = { ttl: '1m' } as const
const limit = { limit: 9, period: '1m' } as const
const likeCached = {
  ...{ cached: ttl, early: ttl, soft: ttl, hit: { ...ttl, cacheHits: 3 }, dynamic: {}, failover: ttl, locked: ttl },
  ...{ singleFlight: {}, rateLimit: limit },
}
const options = {
  ...{ ...likeCached, slidingRateLimit: limit, circuitBreaker: { errorsRate: 50, period: '1m', ttl: '1m' } },
  invalidates: {},
}
type Name = keyof typeof options

describe('every strategy', () => {
  it.each(Object.keys(options) as Name[])(
    '%s takes a synchronous function, whose errors become rejections',
    async (name) => {
      const given = { ...options[name], key: `sync-${name}:{0}` } as never
      const wrap = all[name] as (options: never, fn: unknown) => (n: number) => Promise<number>
      const double = (n: number) => {
        if (n === 0) throw new RangeError('none')
        return n * 2
      }
      const wrapped = name === 'invalidates' ? all.invalidates('x:{n}', {}, double) : wrap(given, double)
      expect(await wrapped(2)).toBe(4)
      await expect(wrapped(0)).rejects.toThrow(RangeError)
    },
  )

  it.each(Object.keys(likeCached) as (keyof typeof likeCached)[])(
    '%s takes a generic function with a key function',
    async (name) => {
      const wrap = all[name] as (options: never, fn: unknown) => <T>(value: T) => Promise<T>
      const key = (value: unknown) => `generic-${name}:${JSON.stringify(value)}`
      const same = wrap({ ...options[name], key } as never, async <T>(value: T): Promise<T> => value)
      expect([await same('a'), await same({ a: 1 }), await same('a')]).toEqual(['a', { a: 1 }, 'a'])
    },
  )

  it.each(Object.keys(options) as Name[])('%s keeps the properties of its function', async (name) => {
    const wrap = all[name] as (options: never, fn: unknown) => { limit: number; set: (id: string) => Promise<boolean> }
    const exists = bloom(cache, { name: `of ${name}`, capacity: 10 }, async (_: string) => true)
    const fn = Object.assign(exists, { limit: 5 })
    const wrapped =
      name === 'invalidates' ? all.invalidates('x:*', fn) : wrap({ ...options[name], key: `own-${name}` } as never, fn)
    expect([wrapped.limit, await wrapped.set('a')]).toEqual([5, true])
  })

  it('around a wrapped function has methods of its own, except invalidates, which has those of the function', async () => {
    const inner = all.cached({ ...ttl, key: 'inner' }, async () => 1)
    const outer = all.early({ ...ttl, key: 'outer' }, Object.freeze(inner))
    const writing = all.invalidates('x:*', inner)
    expect([outer.key(), outer.template, writing.key()]).toEqual(['early:outer', 'early:outer', 'inner'])
    await writing()
    expect(await writing.invalidate()).toBe(true)
  })
})
