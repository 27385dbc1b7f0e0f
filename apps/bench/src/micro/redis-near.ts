import { deepStrictEqual } from 'node:assert'
import { compare, type Peer, run } from '../harness.ts'
import { RedisContenders } from '../redis-contenders.ts'
import { counted, ids, userOf } from '../users.ts'

/** R3: a hit of a client-side copy. */
await run(async () => {
  await using contenders = await RedisContenders.start()
  const load = counted(userOf)
  const near = await contenders.cashews(true)
  const shared = await contenders.cashews({ isolation: 'none' })
  const far = await contenders.cashews()
  const layered = await contenders.layered(load)
  const bento = contenders.bento({ memory: true })
  const keys = ids.map((id) => `user:${id}`)
  for (const id of ids) {
    const [key, user] = [`user:${id}`, userOf(id)]
    await near.cache.set(key, user, { ttl: '1h' })
    await shared.cache.set(key, user, { ttl: '1h' })
    await far.cache.set(key, user, { ttl: '1h' })
    await bento.set({ key, value: user })
    await layered.get(id)
  }
  const loads = load.calls
  const check = async (get: (key: string, id: string) => Promise<unknown>) => {
    for (const id of ids) deepStrictEqual(await get(`user:${id}`, id), userOf(id))
    if (load.calls !== loads) throw new Error('Some calls were misses.')
  }
  const checked =
    ({ cache, backend }: Awaited<ReturnType<typeof contenders.cashews>>) =>
    async () => {
      await check((key) => cache.get(key))
      const { hits = 0 } = backend.clientSide ?? {}
      await check((key) => cache.get(key))
      deepStrictEqual(backend.clientSide?.hits, hits + ids.length, 'Some reads went to the server.')
    }
  const layeredLoader: Peer = {
    name: 'layered-loader, memory + Redis',
    batch: async () => {
      for (const id of ids) await layered.get(id)
    },
    check: () => check((_, id) => layered.get(id)),
  }

  return [
    ...(await compare({
      lane: 'R3',
      what: "await cache.get of a copy near at hand, isolation: 'none'",
      clock: 'wall',
      ours: {
        name: 'cashews',
        batch: async () => {
          for (const key of keys) await shared.cache.get(key)
        },
        check: checked(shared),
      },
      peers: [{ ...layeredLoader, bar: { atLeast: 1, aim: 1.4 } }],
    })),
    ...(await compare({
      lane: 'R3',
      what: 'await cache.get of a copy near at hand, which callers may change',
      clock: 'wall',
      ours: {
        name: 'cashews',
        batch: async () => {
          for (const key of keys) await near.cache.get(key)
        },
        check: checked(near),
      },
      peers: [
        {
          name: 'bentocache, memory + Redis + bus',
          bar: { atLeast: 10, aim: 17 },
          batch: async () => {
            for (const key of keys) await bento.get({ key })
          },
          check: () => check((key) => bento.get({ key })),
        },
        {
          name: 'cashews, without copies',
          operations: 100,
          bar: { atLeast: 100, aim: 300 },
          batch: async () => {
            for (const key of keys.slice(0, 100)) await far.cache.get(key)
          },
          check: () => check((key) => far.cache.get(key)),
        },
        layeredLoader,
      ],
    })),
  ]
})
