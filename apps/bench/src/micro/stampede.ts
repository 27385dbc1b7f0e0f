import { deepStrictEqual, strictEqual } from 'node:assert'
import { setTimeout } from 'node:timers/promises'
import { cached } from '@cashews/strategies'
import { Loader } from 'layered-loader/core'
import pMemoize from 'p-memoize'
import { bento, cashews, HOUR } from '../contenders.ts'
import { compare, exactly, type Peer, run } from '../harness.ts'
import { CAPACITY, counted, type User, userOf } from '../users.ts'

const CALLERS = 1_000
const COLD_KEYS = 4

/** M4: many callers of a cold key who share one load, and a single miss. */
await run(async () => {
  const slow = counted(async (id: string) => {
    await setTimeout(5)
    return userOf(id)
  })
  const slowly = cached(await cashews('none'), { ttl: '1h', key: 'user:{id}' }, async (id: string) => slow(id))
  const memoized = pMemoize(slow)
  const slowLoader = layered(slow)
  let cold = 0

  /** Callers of a few cold keys, all callers of a key at once. */
  const stampede = (name: string, get: (id: string) => Promise<unknown>) => ({
    name,
    operations: COLD_KEYS * CALLERS,
    batch: async () => {
      for (let key = 0; key < COLD_KEYS; key++) {
        const id = `cold${cold++}`
        await Promise.all(Array.from({ length: CALLERS }, () => get(id)))
      }
    },
    check: async () => {
      strictEqual(await callsOf(get), 1, 'More than one call for a cold key.')
    },
  })
  const callsOf = async (get: (id: string) => Promise<unknown>): Promise<number> => {
    const before = slow.calls
    const id = `cold${cold++}`
    const users = await Promise.all(Array.from({ length: CALLERS }, () => get(id)))
    for (const user of users) deepStrictEqual(user, userOf(id))
    return slow.calls - before
  }

  const load = counted(userOf)
  const getUser = cached(await cashews('none'), { ttl: '1h', key: 'user:{id}' }, (id: string) => load(id))
  const loader = layered(load)
  const shared = bento({ serialize: false })
  const getFromBento = (id: string) => shared.getOrSet({ key: `user:${id}`, factory: () => load(id) })

  /** Reads new keys in a full cache. */
  const check = async (get: (id: string) => Promise<unknown>) => {
    const before = load.calls
    for (let call = 0; call < 10; call++) {
      const id = `cold${cold++}`
      deepStrictEqual(await get(id), userOf(id))
      deepStrictEqual(await get(id), userOf(id))
    }
    strictEqual(load.calls - before, 10, 'Not one call for each cold key.')
  }
  const misses: Peer[] = [
    {
      name: 'layered-loader get',
      bar: { atLeast: 1, aim: 1.5 },
      batch: async () => {
        for (let call = 0; call < 1_000; call++) await loader.get(`cold${cold++}`)
      },
      check: () => check((id) => loader.get(id)),
    },
    {
      name: 'bentocache getOrSet, unserialized',
      bar: { atLeast: 7, aim: 10 },
      batch: async () => {
        for (let call = 0; call < 1_000; call++) await getFromBento(`cold${cold++}`)
      },
      check: () => check(getFromBento),
    },
  ]

  return [
    exactly('M4', `calls for a cold key with ${CALLERS} callers`, await callsOf(slowly), 1),
    ...(await compare({
      lane: 'M4',
      what: `stampede: CPU per caller, ${CALLERS} callers of a cold key, a load of 5 ms`,
      ours: stampede('cashews', slowly),
      peers: [
        { ...stampede('p-memoize', memoized), bar: { atMost: 1.5, aim: 1.05 } },
        stampede('layered-loader get', (id) => slowLoader.get(id)),
      ],
    })),
    ...(await compare({
      lane: 'M4',
      what: 'a miss, one after another, a load that answers at once, the cache full',
      ours: {
        name: 'cashews',
        batch: async () => {
          for (let call = 0; call < 1_000; call++) await getUser(`cold${cold++}`)
        },
        check: () => check(getUser),
      },
      peers: misses,
    })),
  ]
})

function layered(load: (id: string) => Promise<User>): Loader<User> {
  return new Loader<User>({
    inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: HOUR, maxItems: CAPACITY },
    dataSourceGetOneFn: load,
  })
}
