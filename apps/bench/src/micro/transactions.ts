import { deepStrictEqual } from 'node:assert'
import { transaction } from '@cashews/transactions'
import { compare, run } from '../harness.ts'
import { onOneCpu, RedisContenders } from '../redis-contenders.ts'
import { userOf } from '../users.ts'

const KEYS = ['a', 'b', 'c', 'd'].map((name) => `login:${name}`)
const OPERATIONS = 50

const bars = {
  fast: { atMost: 1, aim: 0.7 },
  locked: { atMost: 1.3, aim: 1.1 },
  serializable: { atMost: 1.5, aim: 1.2 },
} as const

/** T1: a transaction of four gets and four sets on Redis without contention, beside the same commands outside. */
await run(async () => {
  await using contenders = await RedisContenders.start()
  const { cache } = await contenders.cashews()
  const user = userOf('1')
  const work = async () => {
    for (const key of KEYS) await cache.get(key)
    for (const key of KEYS) await cache.set(key, user, { ttl: '1h' })
  }
  const outside = async () => {
    for (let made = 0; made < OPERATIONS; made++) await work()
  }
  await work()
  onOneCpu(contenders.server)
  const check = async () => deepStrictEqual(await cache.getMany(KEYS), Array(KEYS.length).fill(user))
  const rows = []
  for (const mode of ['fast', 'locked', 'serializable'] as const)
    rows.push(
      ...(await compare({
        lane: 'T1',
        what: `${mode} transaction of 4 gets and 4 sets on Redis`,
        clock: 'wall',
        ours: {
          name: 'cashews',
          operations: OPERATIONS,
          batch: async () => {
            for (let made = 0; made < OPERATIONS; made++) await transaction(cache, work, { mode })
          },
          check: async () => {
            await transaction(cache, work, { mode })
            await check()
          },
        },
        peers: [{ name: 'the same commands outside', operations: OPERATIONS, bar: bars[mode], batch: outside, check }],
      })),
    )
  return rows
})
