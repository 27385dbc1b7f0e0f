import { deepStrictEqual, strictEqual } from 'node:assert'
import { cached } from '@cashews/strategies'
import { bento, cashews } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { counted, ids, type User, userOf } from '../users.ts'

/** M1b: a hit of a cached function whose callers never share an object: each gets a copy. */
await run(async () => {
  const load = counted(userOf)
  const getUser = cached(await cashews(), { ttl: '1h', key: 'user:{id}' }, async (id: string) => load(id))
  const isolated = bento({ serialize: true })
  const getFromBento = (id: string): Promise<User> => isolated.getOrSet({ key: `user:${id}`, factory: () => load(id) })

  for (const id of ids) await Promise.all([getUser(id), getFromBento(id)])
  const filled = load.calls
  const check = async (get: (id: string) => Promise<User>) => {
    for (const id of ids) {
      const [one, other] = [await get(id), await get(id)]
      deepStrictEqual(one, userOf(id))
      strictEqual(one === other, false, 'Two callers share an object.')
    }
    strictEqual(load.calls, filled, 'Some calls were misses.')
  }

  return compare({
    lane: 'M1b',
    what: 'cached hit, one argument, default isolation, an object of six fields',
    ours: {
      name: 'cashews',
      batch: async () => {
        for (const id of ids) await getUser(id)
      },
      check: () => check(getUser),
    },
    peers: [
      {
        name: 'bentocache getOrSet, default',
        bar: { atLeast: 8, aim: 15 },
        batch: async () => {
          for (const id of ids) await getFromBento(id)
        },
        check: () => check(getFromBento),
      },
    ],
  })
})
