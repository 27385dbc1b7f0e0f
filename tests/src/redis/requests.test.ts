import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { isFreed } from '../support/collected.ts'
import { redisUrl } from '../support/redis/shared.ts'
import { request } from '../support/requests.ts'

describe('the request that uses a store first', () => {
  it.each([false, true])('is not kept in memory by connections to Redis, with copies: %s', async (clientSide) => {
    const namespace = `requests:${crypto.randomUUID()}:`
    await using cache = createCache().setup(redis({ url: redisUrl(), namespace, clientSide }))
    const first = await request(() => cache.set('key', 1, { ttl: 10 }))
    const waiting = await request(() =>
      cache.lock('job', { ttl: 10 }, () => cache.acquireLock('job', { ttl: 10, wait: 0.05 }).catch(() => {})),
    )
    expect(await isFreed(first)).toBe(true)
    expect(await isFreed(waiting)).toBe(true)
  })
})
