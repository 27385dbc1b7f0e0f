import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { strategies } from '@cashews/strategies'
import { expect, it } from 'vitest'

it('detect tells of every strategy that stores no result, by name and template', async () => {
  const cache = createCache().setup(memory())
  const { circuitBreaker, locked, rateLimit, singleFlight, slidingRateLimit } = strategies(cache)
  const limit = { limit: 9, period: '1m' } as const
  const work = async (id: string) => id
  const calls = {
    rateLimit: rateLimit({ ...limit, key: 'k:{id}' }, work),
    slidingRateLimit: slidingRateLimit({ ...limit, key: 'k:{id}' }, work),
    circuitBreaker: circuitBreaker({ errorsRate: 50, period: '1m', ttl: '1m', key: 'k:{id}' }, work),
    locked: locked({ ttl: '1m', key: 'k:{id}' }, work),
    singleFlight: singleFlight({ key: 'k:{id}' }, work),
  }
  const detected = await cache.detect(() => Promise.all(Object.values(calls).map((call) => call('1'))))
  for (const strategy of Object.keys(calls))
    expect(detected.calls[`${strategy}:k:1`]).toEqual([
      { strategy, template: `${strategy}:k:{id}`, backend: 'memory', hit: false },
    ])
  await cache.close()
})
