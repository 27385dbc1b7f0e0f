import { deepStrictEqual, strictEqual } from 'node:assert'
import { cached } from '@cashews/strategies'
import { Loader } from 'layered-loader/core'
import { cashews, HOUR } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { CAPACITY, counted, ids, type User, userOf } from '../users.ts'

/** M2: a hit of a cached function with two arguments and a key of four parts; and 100 callers at once. */
await run(async () => {
  const load = counted((org: string, id: string) => userOf(`${org}-${id}`))
  const cache = await cashews('none')
  const getMember = cached(cache, { ttl: '1h', key: 'org:{org}:user:{id}' }, async (org: string, id: string) =>
    load(org, id),
  )

  interface Member {
    readonly org: string
    readonly id: string
  }
  const loader = new Loader<User, Member>({
    inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: HOUR, maxItems: CAPACITY },
    cacheKeyFromLoadParamsResolver: ({ org, id }) => `org:${org}:user:${id}`,
    dataSourceGetOneFn: ({ org, id }) => load(org, id),
  })

  const members = ids.map((id, at): Member => ({ org: `o${at % 10}`, id }))
  const hundreds = Array.from({ length: 10 }, (_, at) => members.slice(at * 100, at * 100 + 100))
  for (const { org, id } of members) await Promise.all([getMember(org, id), loader.get({ org, id })])
  const filled = load.calls
  const check = async (get: (org: string, id: string) => Promise<unknown>) => {
    for (const { org, id } of members) deepStrictEqual(await get(org, id), userOf(`${org}-${id}`))
    strictEqual(load.calls, filled, 'Some calls were misses.')
  }
  const checkOurs = () => check(getMember)
  const checkLoader = () => check((org, id) => loader.get({ org, id }))

  return [
    ...(await compare({
      lane: 'M2',
      what: "cached hit, two arguments, key of four parts, isolation: 'none'",
      ours: {
        name: 'cashews',
        batch: async () => {
          for (const { org, id } of members) await getMember(org, id)
        },
        check: checkOurs,
      },
      peers: [
        {
          name: 'layered-loader get',
          bar: { atLeast: 1.2, aim: 2.4 },
          batch: async () => {
            for (const { org, id } of members) await loader.get({ org, id })
          },
          check: checkLoader,
        },
      ],
    })),
    ...(await compare({
      lane: 'M2',
      what: 'the same, 100 callers at once',
      ours: {
        name: 'cashews',
        batch: async () => {
          for (const hundred of hundreds) await Promise.all(hundred.map(({ org, id }) => getMember(org, id)))
        },
        check: checkOurs,
      },
      peers: [
        {
          name: 'layered-loader get',
          bar: { atLeast: 1.2, aim: 2 },
          batch: async () => {
            for (const hundred of hundreds) await Promise.all(hundred.map(({ org, id }) => loader.get({ org, id })))
          },
          check: checkLoader,
        },
      ],
    })),
  ]
})
