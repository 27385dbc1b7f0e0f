import { once } from 'node:events'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { Cluster } from 'ioredis'
import { expect, it } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { startCluster } from '../support/redis/cluster.ts'
import { eventually } from '../support/redis/eventually.ts'
import type { RedisServer } from '../support/redis/redis-server.ts'
import { redisCluster } from '../support/redis/shared.ts'

it('client-side copies are used again after a node has lost its first slot and its connections', async () => {
  await using cluster = await startCluster({ masters: 2, replicas: 0 })
  await cluster.trustItsNodes()
  const backend = redis({ cluster: cluster.addresses, clientSide: true })
  await using cache = createCache().setup(backend, PATIENT)
  await cache.init()
  await eventually(() => backend.clientSide?.live)

  const [first, second] = cluster.nodes as [RedisServer, RedisServer]
  await cluster.moveSlot(0, first, second)
  const flushes = backend.clientSide?.flushes ?? 0
  for (const type of ['normal', 'pubsub']) await first.admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes')
  await eventually(() => (backend.clientSide?.flushes ?? 0) > flushes)

  await eventually(() => backend.clientSide?.live)
  expect(backend.clientSide?.staleness).toBeLessThanOrEqual(1_000)
})

it.each([2, 3])(
  'client-side copies follow the keys of a node that was away when another cache was opened, of %i nodes',
  async (masters) => {
    await using cluster = await startCluster({ masters, replicas: 0 })
    await cluster.trustItsNodes()
    const client = new Cluster(cluster.addresses, { redisOptions: { maxRetriesPerRequest: 0 } })
    using _ = { [Symbol.dispose]: () => client.disconnect() }
    const backend = redis({ client, clientSide: true })
    await using cache = createCache({ onError() {} }).setup(backend, PATIENT)
    await using other = createCache({ onError() {} }).setup(backend, PATIENT)
    await using writer = createCache({ onError() {} }).setup(redis({ cluster: cluster.addresses }), PATIENT)
    await cache.set('key', 'old')
    const owner = await cluster.masterOf('cashews:key')

    await Promise.all([once(client, '-node'), owner.kill()])
    await other.init()
    await owner.start()
    for (const value of ['new', 'newer']) {
      await eventually(() => writer.set('key', value))
      await eventually(async () => (await cache.get('key')) === value && backend.getNow?.('key') === value)
    }
  },
)

it('client-side copies are read however many keys share one slot', async () => {
  const namespace = `{copies:${crypto.randomUUID()}}`
  const backend = redis({ cluster: redisCluster(), namespace, clientSide: true })
  await using cache = createCache().setup(backend, { suppress: false, ...PATIENT })
  const keys = Array.from({ length: 9_000 }, (_, nth) => `key:${nth}`)
  await cache.setMany(new Map(keys.map((key, nth) => [key, nth])), { ttl: '1m' })
  expect(await cache.getMany(keys)).toEqual([...keys.keys()])
})
