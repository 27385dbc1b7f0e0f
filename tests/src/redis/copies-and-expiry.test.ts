import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { eventually } from '../support/redis/eventually.ts'
import { startRedis } from '../support/redis/redis-server.ts'

it('getExpire reads the client-side copy, and the server again after a change', async () => {
  await using server = await startRedis()
  const backend = redis({ url: server.url, clientSide: { maxTtl: '1m' } })
  await using cache = createCache().setup(backend, PATIENT)
  const asked = async () => Number(/cmdstat_pttl:calls=(\d+)/.exec(await server.admin.info('commandstats'))?.[1] ?? 0)
  const isCopied = async (key: string) => {
    const hits = backend.clientSide?.hits ?? 0
    return (await cache.get(key)) !== undefined && (backend.clientSide?.hits ?? 0) > hits
  }
  await cache.setMany({ limited: 1 }, { ttl: '1h' })
  await cache.set('endless', 1)
  expect(await cache.getExpire('limited')).toBeGreaterThan(3_590)
  for (const key of ['limited', 'endless']) await eventually(() => isCopied(key))

  const before = await asked()
  expect(await cache.getExpire('limited')).toBeGreaterThan(3_590)
  expect(await cache.getExpire('limited')).toBeLessThanOrEqual(3_600)
  expect(await cache.getExpire('endless')).toBe(Number.POSITIVE_INFINITY)
  expect(await asked()).toBe(before)

  await cache.expire('limited', '2h')
  expect(await cache.getExpire('limited')).toBeGreaterThan(7_190)
  await eventually(() => isCopied('limited'))
  const other = new Redis(server.url)
  await other.pexpire('cashews:limited', 10_000)
  other.disconnect()
  await eventually(async () => ((await cache.getExpire('limited')) ?? 0) <= 10)
  await cache.delete('limited')
  expect(await cache.getExpire('limited')).toBeUndefined()
})
