import { deepStrictEqual } from 'node:assert'
import { bentoOnSqlite, cashewsOnDisk, keyvOnSqlite, preparedSqlite } from '../disk-contenders.ts'
import { compare, run } from '../harness.ts'
import { ids, userOf } from '../users.ts'

/** D1 and D2: `await cache.get` and `await cache.set` on disk. D3, in part: `getMany` of 100 keys beside `get`. */
await run(async () => {
  const cache = await cashewsOnDisk()
  const prepared = preparedSqlite()
  const bento = bentoOnSqlite()
  const keyv = keyvOnSqlite()
  const users = ids.slice(0, 200).map((id) => ({ key: `user:${id}`, user: userOf(id) }))
  const keys = users.map(({ key }) => key)
  const halves = [keys.slice(0, 100), keys.slice(100)]
  const ours = async () => {
    for (const { key, user } of users) await cache.set(key, user, { ttl: '1h' })
  }
  const byHand = () => {
    for (const { key, user } of users) prepared.set(key, user)
  }
  const bentos = async () => {
    for (const { key, user } of users) await bento.set({ key, value: user })
  }
  const keyvs = async () => {
    for (const { key, user } of users) await keyv.set(key, user)
  }
  /** Only few, since each write waits for the disk. */
  const fewKeyvs = async () => {
    for (const { key, user } of users.slice(0, 10)) await keyv.set(key, user)
  }
  await Promise.all([ours(), byHand(), bentos(), keyvs()])
  const check = async (get: (key: string) => unknown) => {
    for (const { key, user } of users) deepStrictEqual(await get(key), user)
  }
  const checkOurs = () => check((key) => cache.get(key))
  const checkByHand = () => check((key) => prepared.get(key))
  const checkKeyv = () => check((key) => keyv.get(key))
  const checkBento = () => check((key) => bento.get({ key }))
  const operations = users.length

  const gets = async () => {
    for (const key of keys) await cache.get(key)
  }
  return [
    ...(await compare({
      lane: 'D1',
      what: 'await cache.get on disk, a hit',
      ours: { name: 'cashews', operations, batch: gets, check: checkOurs },
      peers: [
        {
          name: 'prepared better-sqlite3 + JSON.parse',
          operations,
          bar: { atLeast: 0.7, aim: 0.9 },
          batch: () => {
            for (const key of keys) prepared.get(key)
          },
          check: checkByHand,
        },
        {
          name: 'bentocache, kysely',
          operations,
          bar: { atLeast: 8, aim: 11 },
          batch: async () => {
            for (const key of keys) await bento.get({ key })
          },
          check: checkBento,
        },
        {
          name: '@keyv/sqlite',
          operations,
          bar: { atLeast: 10, aim: 13 },
          batch: async () => {
            for (const key of keys) await keyv.get(key)
          },
          check: checkKeyv,
        },
      ],
    })),
    ...(await compare({
      lane: 'D2',
      what: 'await cache.set on disk',
      clock: 'wall',
      ours: { name: 'cashews', operations, batch: ours, check: checkOurs },
      peers: [
        { name: 'prepared better-sqlite3 + JSON.stringify', operations, batch: byHand, check: checkByHand },
        { name: 'bentocache, kysely', operations, bar: { atLeast: 2.5, aim: 3.2 }, batch: bentos, check: checkBento },
        { name: '@keyv/sqlite', operations: 10, bar: { atLeast: 40, aim: 75 }, batch: fewKeyvs, check: checkKeyv },
      ],
    })),
    ...(await compare({
      lane: 'D3',
      what: 'cache.getMany of 100 keys, per key',
      ours: {
        name: 'getMany',
        operations,
        batch: async () => {
          for (const half of halves) await cache.getMany(half)
        },
        check: checkOurs,
      },
      peers: [{ name: 'get', operations, bar: { atLeast: 1.5, aim: 2 }, batch: gets, check: checkOurs }],
    })),
  ]
})
