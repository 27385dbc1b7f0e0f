import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { strategies } from '@cashews/strategies'
import { expect, it } from 'vitest'

const cache = createCache().setup(memory())
const {
  circuitBreaker,
  dynamic,
  early,
  failover,
  hit,
  invalidates,
  locked,
  rateLimit,
  singleFlight,
  slidingRateLimit,
  soft,
} = strategies(cache)
const limit = { limit: 9, period: '1m' } as const

class Shop {
  readonly id = 'x'

  @early({ ttl: '1m', key: '{this.id}:{a}' })
  async early(a: string) {
    return this.id + a
  }
  @soft({ ttl: '1m', key: '{this.id}:{a}' })
  async soft(a: string) {
    return this.id + a
  }
  @failover({ ttl: '1m', key: '{this.id}:{a}' })
  async failover(a: string) {
    return this.id + a
  }
  @hit({ ttl: '1m', cacheHits: 3, key: '{this.id}:{a}' })
  async hit(a: string) {
    return this.id + a
  }
  @dynamic({ key: '{this.id}:{a}' })
  async dynamic(a: string) {
    return this.id + a
  }
  @locked({ ttl: '1m', key: '{this.id}:{a}' })
  async locked(a: string) {
    return this.id + a
  }
  @singleFlight({ key: '{this.id}:{a}' })
  async singleFlight(a: string) {
    return this.id + a
  }
  @rateLimit({ ...limit, key: '{this.id}:{a}' })
  async rateLimit(a: string) {
    return this.id + a
  }
  @slidingRateLimit({ ...limit, key: '{this.id}:{a}' })
  async slidingRateLimit(a: string) {
    return this.id + a
  }
  @circuitBreaker({ errorsRate: 50, period: '1m', ttl: '1m', key: '{this.id}' })
  async circuitBreaker(a: string) {
    return this.id + a
  }
  @invalidates('{this.id}:{a}')
  async invalidates(a: string) {
    return this.id + a
  }
}

it.each([
  'early',
  'soft',
  'failover',
  'hit',
  'dynamic',
  'locked',
  'singleFlight',
  'rateLimit',
  'slidingRateLimit',
  'circuitBreaker',
  'invalidates',
] as const)('%s decorates a method, which keeps its this and its name', async (name) => {
  const object = new Shop()
  expect([await object[name]('a'), await object[name]('a')]).toEqual(['xa', 'xa'])
  expect(Shop.prototype[name].name).toBe(name)
})
