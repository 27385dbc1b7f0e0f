import { deepStrictEqual } from 'node:assert'
import { createCache as createManager } from 'cache-manager'
import { Cacheable, KeyvCacheableMemory } from 'cacheable'
import { Keyv } from 'keyv'
import { bento, cashews, HOUR, lru } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { CAPACITY, ids, type User, userOf } from '../users.ts'

/** M3: `await cache.get(key)` on a key that is there. */
await run(async () => {
  const cache = await cashews('none')
  const shared = bento({ serialize: false })
  const manager = createManager({ ttl: HOUR })
  const boundedManager = createManager({
    stores: [new Keyv({ store: new KeyvCacheableMemory({ lruSize: CAPACITY }) }) as never],
    ttl: HOUR,
  })
  const keyv = new Keyv({ ttl: HOUR })
  const rawKeyv = new Keyv({ ttl: HOUR, serialization: false })
  const cacheable = new Cacheable({ ttl: HOUR })
  const entries = lru<User>()
  const getFromLru = async (key: string) => entries.get(key)

  const keys = ids.map((id) => `user:${id}`)
  for (const id of ids) {
    const [key, user] = [`user:${id}`, userOf(id)]
    await cache.set(key, user, { ttl: '1h' })
    await shared.set({ key, value: user })
    for (const store of [manager, boundedManager, keyv, rawKeyv, cacheable]) await store.set(key, user)
    entries.set(key, user)
  }
  const check = async (get: (key: string) => Promise<unknown>) => {
    for (const id of ids) deepStrictEqual(await get(`user:${id}`), userOf(id))
  }

  return compare({
    lane: 'M3',
    what: "await cache.get, a hit, isolation: 'none'",
    ours: {
      name: 'cashews',
      batch: async () => {
        for (const key of keys) await cache.get(key)
      },
      check: () => check((key) => cache.get(key)),
    },
    peers: [
      {
        name: 'bentocache get, unserialized',
        bar: { atLeast: 8, aim: 13 },
        batch: async () => {
          for (const key of keys) await shared.get({ key })
        },
        check: () => check((key) => shared.get({ key })),
      },
      {
        name: 'cache-manager',
        bar: { atLeast: 4, aim: 5.6 },
        batch: async () => {
          for (const key of keys) await manager.get(key)
        },
        check: () => check((key) => manager.get(key)),
      },
      {
        name: 'cache-manager, bounded',
        batch: async () => {
          for (const key of keys) await boundedManager.get(key)
        },
        check: () => check((key) => boundedManager.get(key)),
      },
      {
        name: 'keyv',
        bar: { atLeast: 30, aim: 45 },
        batch: async () => {
          for (const key of keys) await keyv.get(key)
        },
        check: () => check((key) => keyv.get(key)),
      },
      {
        name: 'keyv, unserialized',
        batch: async () => {
          for (const key of keys) await rawKeyv.get(key)
        },
        check: () => check((key) => rawKeyv.get(key)),
      },
      {
        name: 'cacheable',
        bar: { atLeast: 30, aim: 45 },
        batch: async () => {
          for (const key of keys) await cacheable.get(key)
        },
        check: () => check((key) => cacheable.get(key)),
      },
      {
        name: 'lru-cache, ttl, in an async function',
        bar: { atLeast: 0.65, aim: 0.9 },
        batch: async () => {
          for (const key of keys) await getFromLru(key)
        },
        check: () => check(getFromLru),
      },
    ],
  })
})
