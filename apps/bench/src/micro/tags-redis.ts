import { deepStrictEqual, strictEqual } from 'node:assert'
import type { Cache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { compare, run } from '../harness.ts'
import { onOneCpu, RedisContenders } from '../redis-contenders.ts'
import { counted, ids, userOf } from '../users.ts'

const some = ids.slice(0, 200)
const operations = some.length
const tagsOf = (id: string): readonly string[] => ['users', `user:${id}`]

/** G4: the cost of two tags on Redis for a write, a read, and a hit and a miss of a function. */
await run(async () => {
  await using contenders = await RedisContenders.start()
  const { cache: tagged } = await contenders.cashews()
  const { cache: plain } = await contenders.cashews()
  createTags(tagged)
  onOneCpu(contenders.server)
  const check = async (cache: Cache) => {
    for (const id of some) deepStrictEqual(await cache.get(`user:${id}`), userOf(id))
  }
  const writes = await compare({
    lane: 'G4',
    what: 'await cache.set on Redis with two tags',
    clock: 'wall',
    ours: {
      name: 'cashews',
      operations,
      batch: async () => {
        for (const id of some) await tagged.set(`user:${id}`, userOf(id), { ttl: '1h', tags: tagsOf(id) })
      },
      check: async () => {
        for (const id of some) await tagged.set(`user:${id}`, userOf(id), { ttl: '1h', tags: tagsOf(id) })
        await check(tagged)
      },
    },
    peers: [
      {
        name: 'the same without tags',
        operations,
        bar: { atMost: 1.15, aim: 1.05 },
        batch: async () => {
          for (const id of some) await plain.set(`user:${id}`, userOf(id), { ttl: '1h' })
        },
        check: async () => {
          for (const id of some) await plain.set(`user:${id}`, userOf(id), { ttl: '1h' })
          await check(plain)
        },
      },
    ],
  })
  const reads = await compare({
    lane: 'G4',
    what: 'await cache.get on Redis of a key with two tags',
    clock: 'wall',
    ours: {
      name: 'cashews',
      operations,
      batch: async () => {
        for (const id of some) await tagged.get(`user:${id}`)
      },
      check: () => check(tagged),
    },
    peers: [
      {
        name: 'the same without tags',
        operations,
        bar: { atMost: 1.1, aim: 1 },
        batch: async () => {
          for (const id of some) await plain.get(`user:${id}`)
        },
        check: () => check(plain),
      },
    ],
  })
  const load = counted(userOf)
  const options = { ttl: '1h', key: 'called:{id}' } as const
  const getTagged = cached(tagged, { ...options, tags: ['users', 'user:{id}'] }, async (id: string) => load(id))
  const getPlain = cached(plain, options, async (id: string) => load(id))
  for (const id of some) await Promise.all([getTagged(id), getPlain(id)])
  const filled = load.calls
  const checkHits = async (get: (id: string) => Promise<unknown>) => {
    for (const id of some) deepStrictEqual(await get(id), userOf(id))
    strictEqual(load.calls, filled, 'Some calls were misses.')
  }
  const hits = await compare({
    lane: 'G4',
    what: 'cached hit on Redis of a function with two tags',
    clock: 'wall',
    ours: {
      name: 'cashews',
      operations,
      batch: async () => {
        for (const id of some) await getTagged(id)
      },
      check: () => checkHits(getTagged),
    },
    peers: [
      {
        name: 'the same without tags',
        operations,
        bar: { atMost: 1.1, aim: 1 },
        batch: async () => {
          for (const id of some) await getPlain(id)
        },
        check: () => checkHits(getPlain),
      },
    ],
  })
  let asked = 0
  const checkMisses = async (get: (id: string) => Promise<unknown>) => {
    const id = `checked${asked++}`
    const before = load.calls
    deepStrictEqual([await get(id), await get(id)], [userOf(id), userOf(id)])
    strictEqual(load.calls, before + 1, 'The first call was to be a miss, and the second a hit.')
  }
  const getUnder = cached(tagged, { ...options, tags: ['users', 'items'] }, async (id: string) => load(id))
  const misses = await compare({
    lane: 'G4',
    what: 'cached miss on Redis of a function with two tags',
    isCost: true,
    clock: 'wall',
    ours: {
      name: 'cashews',
      operations,
      batch: async () => {
        for (let nth = 0; nth < operations; nth++) await getUnder(`missed${asked++}`)
      },
      check: () => checkMisses(getUnder),
    },
    peers: [
      {
        name: 'the same without tags',
        operations,
        batch: async () => {
          for (let nth = 0; nth < operations; nth++) await getPlain(`missed${asked++}`)
        },
        check: () => checkMisses(getPlain),
      },
    ],
  })
  const firsts = await compare({
    lane: 'G4',
    what: 'cached miss on Redis of a function with two tags, one of them new',
    isCost: true,
    clock: 'wall',
    ours: {
      name: 'cashews',
      operations,
      batch: async () => {
        for (let nth = 0; nth < operations; nth++) await getTagged(`first${asked++}`)
      },
      check: () => checkMisses(getTagged),
    },
    peers: [
      {
        name: 'the same without tags',
        operations,
        batch: async () => {
          for (let nth = 0; nth < operations; nth++) await getPlain(`first${asked++}`)
        },
        check: () => checkMisses(getPlain),
      },
    ],
  })
  return [...writes, ...reads, ...hits, ...misses, ...firsts]
})
