import { deepStrictEqual } from 'node:assert'
import { keyContext, type Middleware } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { Loader } from 'layered-loader/core'
import { cashews, HOUR, lru } from '../contenders.ts'
import { compare, type Peer, run } from '../harness.ts'
import { judged, type Row } from '../report.ts'
import { CAPACITY, ids, type User, userOf } from '../users.ts'

/** G2: a hit through a middleware, and a hit after `keyContext` and `detect` were used, beside the same before. */
await run(async () => {
  const load = async (id: string): Promise<User> => userOf(id)
  const passThrough: Middleware = (call, next) => next(call)
  const plain = await cashews('none')
  const watched = (await cashews('none')).use(passThrough)
  const getPlain = cached(plain, { ttl: '1h', key: 'user:{id}' }, async (id: string) => load(id))
  const getWatched = cached(watched, { ttl: '1h', key: 'user:{id}' }, async (id: string) => load(id))
  const loader = new Loader<User>({
    inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: HOUR, maxItems: CAPACITY },
    dataSourceGetOneFn: load,
  })
  const entries = lru<User>()
  for (const id of ids) {
    await Promise.all([getPlain(id), getWatched(id), loader.get(id)])
    entries.set(`user:${id}`, userOf(id))
  }
  const check = async (get: (id: string) => unknown) => {
    for (const id of ids) deepStrictEqual(await get(id), userOf(id))
  }
  const ours: Peer = {
    name: 'cashews',
    batch: async () => {
      for (const id of ids) await getPlain(id)
    },
    check: () => check(getPlain),
  }
  const yardstick: Peer = {
    name: 'await lru-cache get, ttl, own key',
    batch: async () => {
      for (const id of ids) await entries.get(`user:${id}`)
    },
    check: () => check((id) => entries.get(`user:${id}`)),
  }
  /** The speed of a hit beside a library without context. */
  const hits = () => compare({ lane: 'G2', what: 'a hit', ours, peers: [yardstick] })

  const [before] = (await hits()) as [Row]
  const through = await compare({
    lane: 'G2',
    what: 'a hit through a middleware that passes everything on',
    ours: {
      name: 'cashews',
      batch: async () => {
        for (const id of ids) await getWatched(id)
      },
      check: () => check(getWatched),
    },
    peers: [
      {
        name: 'layered-loader get',
        bar: { atLeast: 0.5, aim: 0.8 },
        batch: async () => {
          for (const id of ids) await loader.get(id)
        },
        check: () => check((id) => loader.get(id)),
      },
    ],
  })
  await keyContext({ tenant: 'a' }, () => plain.detect(() => getPlain('1')))
  const [after] = (await hits()) as [Row]
  const kept: Row = {
    lane: 'G2',
    what: `a hit after keyContext and detect were used, both measured beside ${yardstick.name}`,
    beside: 'a hit before',
    ours: after.ours ?? Number.NaN,
    theirs: before.ours ?? Number.NaN,
    ratio: after.ratio / before.ratio,
  }
  return [...through, judged(kept, { atLeast: 0.95, aim: 1 })]
})
