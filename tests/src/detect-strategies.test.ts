import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { dynamic, hit, iterator, strategies } from '@cashews/strategies'
import { expect, it } from 'vitest'

it('detect lists every strategy that stores no result, by name and template', async () => {
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

it('detect lists the ttl, the age and the time left of what hit, dynamic and iterator found', async () => {
  const cache = createCache().setup(memory())
  const ttl = 60
  const finds = {
    'hit:k': hit(cache, { ttl, cacheHits: 9, key: 'k' }, async () => 1),
    'dynamic:k': dynamic(cache, { ttl, key: 'k' }, async () => 1),
  }
  const items = iterator(cache, { ttl, key: 'k' }, async function* () {
    yield 1
  })
  const all = async () => {
    for (const find of Object.values(finds)) await find()
    for await (const item of items()) expect(item).toBe(1)
  }
  await all()
  const { calls } = await cache.detect(all)
  for (const [key, found] of Object.entries(calls)) {
    expect(found[0]).toMatchObject({ ttl, hit: true, age: expect.any(Number), left: expect.any(Number) })
    expect(key).toMatch(/^(hit|dynamic|iterator):k$/)
  }
  expect(Object.keys(calls)).toHaveLength(3)
  await cache.close()
})
