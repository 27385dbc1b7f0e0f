import { deepStrictEqual } from 'node:assert'
import { compare, run } from '../harness.ts'
import { onOneCpu, RedisContenders } from '../redis-contenders.ts'
import { ids, type User, userOf } from '../users.ts'

const users = ids.slice(0, 200).map((id) => ({ key: `user:${id}`, user: userOf(id) }))
const keys = users.map(({ key }) => key)
const operations = keys.length

/** R1: reads of Redis, one after another. */
await run(async () => {
  await using contenders = await RedisContenders.start()
  const { cache } = await contenders.cashews()
  const byHand = contenders.ioredis()
  for (const { key, user } of users) {
    await cache.set(key, user, { ttl: '1h' })
    await byHand.set(key, JSON.stringify(user))
  }
  const getByHand = async (key: string) => JSON.parse((await byHand.get(key)) as string) as User
  const check = async (get: (key: string) => Promise<unknown>) => {
    for (const { key, user } of users) deepStrictEqual(await get(key), user)
  }

  onOneCpu(contenders.server)
  return await compare({
    lane: 'R1',
    what: 'await cache.get on Redis, one after another',
    clock: 'wall',
    ours: {
      name: 'cashews',
      operations,
      batch: async () => {
        for (const key of keys) await cache.get(key)
      },
      check: () => check((key) => cache.get(key)),
    },
    peers: [
      {
        name: 'ioredis get + JSON.parse',
        operations,
        bar: { atLeast: 0.85, aim: 1 },
        cpuBar: { atMost: 1.15, aim: 1.05 },
        batch: async () => {
          for (const key of keys) await getByHand(key)
        },
        check: () => check(getByHand),
      },
    ],
  })
})
