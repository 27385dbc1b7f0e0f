import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { expect, it } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { redisCluster } from '../support/redis/shared.ts'

it.each(['{}', '{}a}', 'a{}{b}', '{{b}}', 'é{🥔}'])('the key %s is written and read on a Cluster', async (key) => {
  const namespace = `slots:${crypto.randomUUID()}:`
  await using cache = createCache().setup(redis({ cluster: redisCluster(), namespace }), {
    suppress: false,
    ...PATIENT,
  })
  await cache.setMany({ [key]: 1, other: 2 }, { ttl: '1m' })
  expect(await cache.incr(key)).toBe(2)
  expect(await cache.getMany([key, 'other'])).toEqual([2, 2])
})
