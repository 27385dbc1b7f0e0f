import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { strategies } from '@cashews/strategies'
import { expect, it } from 'vitest'

it('detect tells of every strategy that stores no result, by name and template', async () => {
  const cache = createCache().setup(memory())
  const { circuitBreaker, invalidates, locked, rateLimit, singleFlight, slidingRateLimit } = strategies(cache)
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
  const drop = invalidates(['k:{id}', 'page:{id}:*'], {}, work)
  const { calls: dropped } = await cache.detect(() => drop('1'))
  expect(dropped).toEqual({
    'k:1': [{ strategy: 'invalidates', template: 'k:{id}', backend: 'memory', hit: false }],
    'page:1:*': [{ strategy: 'invalidates', template: 'page:{id}:*', backend: 'memory', hit: false }],
  })
  await cache.close()
})
