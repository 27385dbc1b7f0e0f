// biome-ignore-all lint/complexity/noStaticOnlyClass: static methods are what is tested
// biome-ignore-all lint/complexity/noThisInStatic: that it stays the class is what is tested
import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { handleOf, strategies } from '@cashews/strategies'
import { describe, expect, it } from 'vitest'

const cache = createCache().setup(memory())
const all = strategies(cache)
const breaker = { errorsRate: 50, period: '1m', ttl: '1m' } as const
const limit = { limit: 9, period: '1m' } as const

/** Each method is named after its strategy, and shows by `id` which class its `this` is. */
class Shop {
  static id = 'shop'

  @all.cached({ ttl: '1m' })
  static async cached(item: string) {
    return this.id + item
  }
  @all.early({ ttl: '1m' })
  static async early(item: string) {
    return this.id + item
  }
  @all.soft({ ttl: '1m' })
  static async soft(item: string) {
    return this.id + item
  }
  @all.hit({ ttl: '1m', cacheHits: 3 })
  static async hit(item: string) {
    return this.id + item
  }
  @all.dynamic()
  static async dynamic(item: string) {
    return this.id + item
  }
  @all.failover({ ttl: '1m' })
  static async failover(item: string) {
    return this.id + item
  }
  @all.locked({ ttl: '1m' })
  static async locked(item: string) {
    return this.id + item
  }
  @all.singleFlight()
  static async singleFlight(item: string) {
    return this.id + item
  }
  @all.rateLimit(limit)
  static async rateLimit(item: string) {
    return this.id + item
  }
  @all.slidingRateLimit(limit)
  static async slidingRateLimit(item: string) {
    return this.id + item
  }
  @all.circuitBreaker(breaker)
  static async circuitBreaker(item: string) {
    return this.id + item
  }
  @all.invalidates('shop:{item}')
  static async invalidates(item: string) {
    return this.id + item
  }
  @all.iterator({ ttl: '1m' })
  static async *iterator(item: string) {
    yield this.id + item
  }
}

/** The strategies whose derived key is that of the call. */
const plain = ['cached', 'early', 'soft', 'hit', 'dynamic', 'failover', 'locked', 'singleFlight', 'rateLimit'] as const
const names = [...plain, 'slidingRateLimit', 'circuitBreaker', 'invalidates'] as const

describe('a static method', () => {
  it.each(names)('with %s keeps its this and its name', async (name) => {
    expect([await Shop[name]('a'), await Shop[name]('a')]).toEqual(['shopa', 'shopa'])
    expect(Shop[name].name).toBe(name)
  })

  it.each([...plain, 'iterator'] as const)('with %s has the name of its class in the derived key', (name) => {
    expect(handleOf(Shop, name).template).toMatch(new RegExp(`Shop\\.${name}:item:{item}$`))
  })

  it.each(['cached', 'hit', 'failover', 'iterator', 'singleFlight'] as const)(
    'with %s shares nothing with the same method of a subclass',
    async (name) => {
      class Stall extends Shop {
        static override id = 'stall'
      }
      const read = async (shop: typeof Shop) => {
        const answer = shop[name]('b')
        return answer instanceof Promise ? answer : (await answer.next()).value
      }
      expect([await read(Shop), await read(Stall), await read(Shop)]).toEqual(['shopb', 'stallb', 'shopb'])
      expect(handleOf(Stall, name).key('b')).toBe(`${handleOf(Shop, name).key('b')}:this=Stall`)
      expect(handleOf(Stall, name).template).toBe(handleOf(Shop, name).template)
    },
  )

  it('with iterator is replayed from the cache', async () => {
    const read = async () => {
      const items: string[] = []
      for await (const item of Shop.iterator('a')) items.push(item)
      return items
    }
    expect([await read(), await read()]).toEqual([['shopa'], ['shopa']])
    expect(await cache.getKeysCount()).toBeGreaterThan(0)
    expect(await handleOf(Shop, 'iterator').peek('a')).toEqual(['shopa'])
    expect(await handleOf(Shop, 'iterator').invalidate('a')).toBe(true)
  })
})
