import { deepStrictEqual, strictEqual } from 'node:assert'
import { cached } from '@cashews/strategies'
import { createCache as createDedupe } from 'async-cache-dedupe'
import { Loader } from 'layered-loader/core'
import { bento, cashews, HOUR, lru } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { CAPACITY, counted, ids, type User, userOf } from '../users.ts'

/** M1: a hit of a cached function with one argument, values shared with the caller. */
await run(async () => {
  const load = counted(userOf)
  const cache = await cashews('none')
  const getUser = cached(cache, { ttl: '1h', key: 'user:{id}' }, async (id: string) => load(id))

  const loader = new Loader<User>({
    inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: HOUR, maxItems: CAPACITY },
    dataSourceGetOneFn: load,
  })
  const shared = bento({ serialize: false })
  const entries = lru<User>()
  const dedupe = createDedupe({ ttl: 3_600, storage: { type: 'memory', options: { size: CAPACITY } } }) //
    .define('user', load)

  for (const id of ids) {
    await Promise.all([getUser(id), loader.get(id), dedupe.user(id)])
    await shared.getOrSet({ key: `user:${id}`, factory: () => load(id) })
    entries.set(`user:${id}`, userOf(id))
  }
  const filled = load.calls
  const check = async (get: (id: string) => unknown) => {
    for (const id of ids) deepStrictEqual(await get(id), userOf(id))
    strictEqual(load.calls, filled, 'Some calls were misses.')
  }
  const getFromBento = (id: string) => shared.getOrSet({ key: `user:${id}`, factory: () => load(id) })

  return compare({
    lane: 'M1',
    what: "cached hit, one argument, isolation: 'none'",
    ours: {
      name: 'cashews',
      batch: async () => {
        for (const id of ids) await getUser(id)
      },
      check: () => check(getUser),
    },
    peers: [
      {
        name: 'layered-loader get',
        bar: { atLeast: 1.2, aim: 2 },
        batch: async () => {
          for (const id of ids) await loader.get(id)
        },
        check: () => check((id) => loader.get(id)),
      },
      {
        name: 'bentocache getOrSet, unserialized',
        bar: { atLeast: 12, aim: 20 },
        batch: async () => {
          for (const id of ids) await getFromBento(id)
        },
        check: () => check(getFromBento),
      },
      {
        name: 'await lru-cache get, ttl, own key',
        bar: { atLeast: 1, aim: 1.7 },
        batch: async () => {
          for (const id of ids) await entries.get(`user:${id}`)
        },
        check: () => check((id) => entries.get(`user:${id}`)),
      },
      {
        name: 'async-cache-dedupe',
        batch: async () => {
          for (const id of ids) await dedupe.user(id)
        },
        check: () => check((id) => dedupe.user(id)),
      },
    ],
  })
})
