// biome-ignore-all lint/complexity/noStaticOnlyClass: static methods are what is tested
// biome-ignore-all lint/complexity/noThisInStatic: that it stays the class is what is tested
// Compiled with TypeScript's experimentalDecorators; the type checker of this workspace knows standard decorators only.
import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { strategies } from '@cashews/strategies'
import { describeStaticMethods } from './support/static-methods.ts'

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

describeStaticMethods('a static method, by a legacy decorator', Shop, cache)
