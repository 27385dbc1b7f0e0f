import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import slotOf from 'cluster-key-slot'
import { Cluster } from 'ioredis'
import { expect, it } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { startCluster } from '../support/redis/cluster.ts'
import type { RedisServer } from '../support/redis/redis-server.ts'
import { redisCluster } from '../support/redis/shared.ts'

it('keys of many slots are written and read while the client knows only one of the slots that moved', async () => {
  const namespace = `moving:${crypto.randomUUID()}:`
  const redisOptions = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false }
  const client = new Cluster([...redisCluster()], { redisOptions })
  await using _ = { [Symbol.asyncDispose]: async () => void (await client.quit()) }
  await using cache = createCache().setup(redis({ client, namespace }), { suppress: false, ...PATIENT })
  const entries = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`k:${at}`, at]))
  await cache.init()

  // The state of ioredis after a MOVED, until it has refreshed all slots.
  const groups: number[] = Reflect.get(client, '_groupsBySlot')
  groups[slotOf(`${namespace}k:0`)] = -1
  await cache.setMany(entries, { ttl: '1m' })
  expect(await cache.getMany(Object.keys(entries))).toEqual(Object.values(entries))
})

it('a write to a moving slot is given up after a few redirections, and other keys are not affected', async () => {
  await using cluster = await startCluster({ masters: 2, replicas: 0 })
  const [source, target] = cluster.nodes as [RedisServer, RedisServer]
  await using cache = createCache().setup(redis({ cluster: cluster.addresses, namespace: 'app:' }), {
    ...PATIENT,
    suppress: false,
  })
  const [moving, other] = Array.from({ length: 40 }, (_, at) => `k:${at}`).filter(
    (key) => slotOf(`app:${key}`) < 8_192,
  ) as [string, string]
  await cache.set(other, 1)
  await cluster.startMoving(slotOf(`app:${moving}`), source, target)

  const before = await redirected(cluster.nodes)
  await expect(cache.set(moving, 1)).rejects.toMatchObject({ code: 'CASHEWS_BACKEND', isUndone: true })
  expect((await redirected(cluster.nodes)) - before).toBeLessThan(10) // ioredis itself follows 16
  expect(await cache.get(other)).toBe(1)
})

/** The number of commands that the servers have redirected so far. */
async function redirected(nodes: readonly RedisServer[]): Promise<number> {
  const stats = await Promise.all(nodes.map(({ admin }) => admin.info('commandstats')))
  const counts = stats.join().matchAll(/rejected_calls=(\d+)/g)
  return Array.from(counts, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0)
}
