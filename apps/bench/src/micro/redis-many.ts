import { deepStrictEqual } from 'node:assert'
import { compare, type Peer, run } from '../harness.ts'
import { RedisContenders } from '../redis-contenders.ts'
import { hundreds, keyedUsers } from '../users.ts'

/** R2: reads of Redis, a hundred at a time, as a hundred callers make them. */
await run(async () => {
  await using contenders = await RedisContenders.start()
  const { cache } = await contenders.cashews()
  const byHand = contenders.ioredis()
  const nodeRedis = await contenders.nodeRedis()
  const bento = contenders.bento({ memory: false })
  const keyv = contenders.keyv()
  const manager = contenders.cacheManager()
  for (const { key, user } of keyedUsers) {
    await cache.set(key, user, { ttl: '1h' })
    await byHand.set(key, JSON.stringify(user))
    await bento.set({ key, value: user })
    await keyv.set(key, user)
    await manager.set(`managed:${key}`, user)
  }
  const checked = (get: (key: string) => Promise<unknown>) => async () => {
    for (const { key, user } of keyedUsers) deepStrictEqual(await get(key), user)
  }
  const nodeRedisGet = async (key: string) => JSON.parse((await nodeRedis.get(key)) as string)

  const peers: Peer[] = [
    {
      name: 'bentocache, Redis only',
      bar: { atLeast: 4, aim: 6 },
      batch: async () => {
        for (const some of hundreds) await Promise.all(some.map(({ key }) => bento.get({ key })))
      },
      check: checked((key) => bento.get({ key })),
    },
    {
      name: 'node-redis get + JSON.parse',
      batch: async () => {
        for (const some of hundreds) await Promise.all(some.map(({ key }) => nodeRedisGet(key)))
      },
      check: checked(nodeRedisGet),
    },
    {
      name: 'keyv on @keyv/redis',
      bar: { atLeast: 2.5, aim: 4 },
      batch: async () => {
        for (const some of hundreds) await Promise.all(some.map(({ key }) => keyv.get(key)))
      },
      check: checked((key) => keyv.get(key)),
    },
    {
      name: 'cache-manager on @keyv/redis',
      bar: { atLeast: 2.5, aim: 4 },
      batch: async () => {
        for (const some of hundreds) await Promise.all(some.map(({ key }) => manager.get(`managed:${key}`)))
      },
      check: checked((key) => manager.get(`managed:${key}`)),
    },
    {
      name: 'ioredis get, text alone',
      bar: { atLeast: 2, aim: 3.5 },
      batch: async () => {
        for (const some of hundreds) await Promise.all(some.map(({ key }) => byHand.get(key)))
      },
      check: checked(async (key) => JSON.parse((await byHand.get(key)) as string)),
    },
  ]
  return await compare({
    lane: 'R2',
    what: 'await cache.get on Redis, a hundred at a time',
    clock: 'wall',
    ours: {
      name: 'cashews',
      batch: async () => {
        for (const some of hundreds) await Promise.all(some.map(({ key }) => cache.get(key)))
      },
      check: checked((key) => cache.get(key)),
    },
    peers,
  })
})
