// biome-ignore-all lint/complexity/noStaticOnlyClass: static methods are what is tested
// biome-ignore-all lint/complexity/noThisInStatic: that it stays the class is what is tested
import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { strategies } from '@cashews/strategies'
import { describe, expect, it } from 'vitest'
import { describeStaticMethods, names, plain } from './support/static-methods.ts'

const cache = createCache().setup(memory())
const all = strategies(cache)
const breaker = { errorsRate: 50, period: '1m', ttl: '1m' } as const
const limit = { limit: 9, period: '1m' } as const

/** Each method tells its class by this. */
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

describeStaticMethods('a static method, by a standard decorator', Shop, cache)

const ttl = { ttl: '1m' } as const
const options: Readonly<Record<(typeof names)[number], object>> = {
  ...{ cached: ttl, early: ttl, soft: ttl, hit: { ...ttl, cacheHits: 3 }, dynamic: {}, failover: ttl, locked: ttl },
  ...{ singleFlight: {}, rateLimit: limit, slidingRateLimit: limit, circuitBreaker: breaker, invalidates: {} },
}

describe('every strategy', () => {
  it.each(names)('%s takes a function that answers at once, and tells of its error by a rejection', async (name) => {
    const given = { ...options[name], key: `sync-${name}:{0}` } as never
    const wrap = all[name] as (options: never, fn: unknown) => (n: number) => Promise<number>
    const double = (n: number) => {
      if (n === 0) throw new RangeError('none')
      return n * 2
    }
    const wrapped = name === 'invalidates' ? all.invalidates('x:{n}', {}, double) : wrap(given, double)
    expect(await wrapped(2)).toBe(4)
    await expect(wrapped(0)).rejects.toThrow(RangeError)
  })

  it.each(plain)('%s takes a generic function with a key function', async (name) => {
    const wrap = all[name] as (options: never, fn: unknown) => <T>(value: T) => Promise<T>
    const key = (value: unknown) => `generic-${name}:${JSON.stringify(value)}`
    const same = wrap({ ...options[name], key } as never, async <T>(value: T): Promise<T> => value)
    expect([await same('a'), await same({ a: 1 }), await same('a')]).toEqual(['a', { a: 1 }, 'a'])
  })
})
