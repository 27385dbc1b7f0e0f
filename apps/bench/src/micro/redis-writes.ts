import { deepStrictEqual } from 'node:assert'
import { compare, run } from '../harness.ts'
import { RedisContenders } from '../redis-contenders.ts'
import { hundreds, keyedUsers, type User } from '../users.ts'

type Write = (key: string, user: User) => Promise<unknown>

/** R2: writes to Redis, a hundred at a time, as a hundred callers make them. All with a ttl. */
await run(async () => {
  await using contenders = await RedisContenders.start()
  const { cache } = await contenders.cashews()
  const byHand = contenders.ioredis()
  const nodeRedis = await contenders.nodeRedis()
  const bento = contenders.bento({ memory: false })
  const keyv = contenders.keyv()
  const manager = contenders.cacheManager()
  const contender = (name: string, set: Write, get: (key: string) => Promise<unknown>) => ({
    name,
    batch: async () => {
      for (const some of hundreds) await Promise.all(some.map(({ key, user }) => set(key, user)))
    },
    check: async () => {
      for (const { key, user } of keyedUsers) {
        await set(key, user)
        deepStrictEqual(await get(key), user)
      }
    },
  })
  const parsed = async (text: Promise<string | null>) => JSON.parse((await text) as string)
  const text = (user: User) => JSON.stringify(user)

  return await compare({
    lane: 'R2',
    what: 'await cache.set on Redis, a hundred at a time',
    clock: 'wall',
    ours: contender(
      'cashews',
      (key, user) => cache.set(key, user, { ttl: '1h' }),
      (key) => cache.get(key),
    ),
    peers: [
      contender(
        'bentocache, Redis only',
        (key, value) => bento.set({ key, value }),
        (key) => bento.get({ key }),
      ),
      contender(
        'node-redis set + JSON.stringify',
        (key, user) => nodeRedis.set(key, text(user), { expiration: { type: 'EX', value: 3_600 } }),
        (key) => parsed(nodeRedis.get(key) as Promise<string | null>),
      ),
      contender(
        'keyv on @keyv/redis',
        (key, user) => keyv.set(key, user),
        (key) => keyv.get(key),
      ),
      contender(
        'cache-manager on @keyv/redis',
        (key, user) => manager.set(`managed:${key}`, user),
        (key) => manager.get(`managed:${key}`),
      ),
      contender(
        'ioredis set + JSON.stringify',
        (key, user) => byHand.set(key, text(user), 'EX', 3_600),
        (key) => parsed(byHand.get(key)),
      ),
    ],
  })
})
