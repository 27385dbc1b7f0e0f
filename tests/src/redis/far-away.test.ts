import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { expect, it } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { eventually } from '../support/redis/eventually.ts'
import { startProxy } from '../support/redis/proxy.ts'
import { redisCluster } from '../support/redis/shared.ts'

it('a distant Cluster is reached, even if the handshake takes several round trips', async () => {
  const proxies = await Promise.all(redisCluster().map((address) => startProxy(Number(address.split(':')[1]))))
  await using stack = new AsyncDisposableStack()
  for (const proxy of proxies) stack.use(proxy)
  for (const proxy of proxies) proxy.delay({ down: 90 })
  const natMap = Object.fromEntries(
    redisCluster().map((address, at) => [address, { host: '127.0.0.1', port: proxies[at]?.port as number }]),
  )
  const cluster = proxies.map(({ port }) => ({ host: '127.0.0.1', port }))
  await using cache = createCache().setup(redis({ cluster, clusterOptions: { natMap } }), {
    suppress: false,
    ...PATIENT,
  })
  const keys = ['a', 'b', 'c', 'd'].map((key) => `${crypto.randomUUID()}:${key}`)
  const isWritten = async () => {
    await cache.ping()
    await Promise.all(keys.map((key) => cache.set(key, key, { ttl: '1m' })))
    return true
  }
  await eventually(() => isWritten().catch(() => false))
  expect(await cache.getMany(keys)).toEqual(keys)
})
