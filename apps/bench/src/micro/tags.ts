import { deepStrictEqual, strictEqual } from 'node:assert'
import { setTimeout } from 'node:timers/promises'
import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { cashews } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import type { Row } from '../report.ts'
import { counted, ids, userOf } from '../users.ts'

const MILLION = 1_000_000
const BATCH = 1_000

function heldBytes(): number {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** A hit of a function with two tags, beside the same one without. */
async function hits(): Promise<Row[]> {
  const load = counted(userOf)
  const [tagged, plain] = [await cashews('none'), await cashews('none')]
  createTags(tagged)
  const getTagged = cached(tagged, { ttl: '1h', key: 'user:{id}', tags: ['users', 'user:{id}'] }, async (id: string) =>
    load(id),
  )
  const getPlain = cached(plain, { ttl: '1h', key: 'user:{id}' }, async (id: string) => load(id))
  for (const id of ids) await Promise.all([getTagged(id), getPlain(id)])
  const filled = load.calls
  const check = async (get: (id: string) => unknown) => {
    for (const id of ids) deepStrictEqual(await get(id), userOf(id))
    strictEqual(load.calls, filled, 'Some calls were misses.')
  }
  return compare({
    lane: 'G4',
    what: 'cached hit of a function with two tags',
    ours: {
      name: 'cashews',
      batch: async () => {
        for (const id of ids) await getTagged(id)
      },
      check: () => check(getTagged),
    },
    peers: [
      {
        name: 'the same without tags',
        bar: { atMost: 1.1, aim: 1 },
        batch: async () => {
          for (const id of ids) await getPlain(id)
        },
        check: () => check(getPlain),
      },
    ],
  })
}

/** How long it takes to delete a tag of a million keys, and what is left of a million writes with a short time to live. */
async function million(): Promise<Row[]> {
  let now = Date.now()
  const store = memory({ size: MILLION, isolation: 'none', checkInterval: 10, clock: { now: () => now } })
  const cache = createCache().setup(store)
  const tags = createTags(cache)
  await cache.set('warm', 1, { tags: ['warm'] })
  await cache.delete('warm')
  const before = heldBytes()
  const fill = async (): Promise<void> => {
    for (let batch = 0; batch < MILLION / BATCH; batch++) {
      const entries = Array.from({ length: BATCH }, (_, at) => [`k:${batch}:${at}`, at] as const)
      await cache.setMany(entries, { ttl: 1, tags: ['all', `batch:${batch}`] })
    }
  }
  await fill()
  const started = performance.now()
  await tags.delete('all')
  const took = performance.now() - started
  strictEqual(await cache.getKeysCount(), 0)
  await fill()
  let removed = 0
  const off = cache.on('removed', () => void removed++)
  now += 60_000
  while (removed < MILLION) await setTimeout(10)
  off()
  strictEqual(await cache.getKeysCount(), 0)
  const left = Math.max(0, heldBytes() - before) / MILLION
  await cache.close()
  return [
    {
      lane: 'G4',
      what: 'ms to delete a tag of 1,000,000 keys',
      beside: '',
      ratio: took,
      bar: '≤ 5',
      passed: took <= 5,
    },
    {
      lane: 'G4',
      what: 'bytes left for each of 1,000,000 tagged writes that expired',
      beside: '',
      ratio: left,
      bar: '≤ 1',
      passed: left <= 1,
    },
  ]
}

/** G4: what tags cost, in memory. */
await run(async () => [...(await hits()), ...(await million())])
