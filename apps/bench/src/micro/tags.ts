import { deepStrictEqual, strictEqual } from 'node:assert'
import { setTimeout } from 'node:timers/promises'
import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { cashews } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { askInBothOrders, beside, ownLoop, role } from '../processes.ts'
import { judged, type Row } from '../report.ts'
import { counted, ids, userOf } from '../users.ts'

const MILLION = 1_000_000
const BATCH = 1_000
const BUDGET = 600

function heldBytes(): number {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/**
 * The time of a hit of the first kind divided by that of the second.
 *
 * @param kinds Of the two functions: with tags (`t`) or plain (`p`).
 */
async function ratioOf(kinds: readonly string[]): Promise<number> {
  const [ours, theirs] = [await hitsOf(kinds[0]), await hitsOf(kinds[1])]
  const [row] = await compare({ lane: 'G4', what: 'a hit', budget: BUDGET, ours, peers: [theirs] })
  return 1 / (row?.ratio ?? Number.NaN)
}

async function hitsOf(kind: string | undefined) {
  const load = counted(userOf)
  const cache = await cashews('none')
  if (kind === 't') createTags(cache)
  const tags = kind === 't' ? { tags: ['users', 'user:{id}'] } : {}
  const get = cached(cache, { ttl: '1h', key: 'user:{id}', ...tags }, async (id: string) => load(id))
  for (const id of ids) await get(id)
  const filled = load.calls
  return {
    name: String(kind),
    batch: ownLoop(get),
    async check() {
      for (const id of ids) deepStrictEqual(await get(id), userOf(id))
      strictEqual(load.calls, filled, 'Some calls were misses.')
    },
  }
}

/** How long it takes to delete a tag of a million keys, and what a million expired writes leave in memory. */
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
  const row = (what: string, ratio: number, atMost: number) => judged({ lane: 'G4', what, ratio }, { atMost })
  return [
    row('ms to delete a tag of 1,000,000 keys', took, 5),
    row('bytes left for each of 1,000,000 tagged writes that expired', left, 1),
  ]
}

/** G4: the cost of tags in memory. A comparison of two hits of the same kind shows how precise the figure is. */
if (role === undefined)
  await run(async () => {
    const slower = (kinds: string) => askInBothOrders(kinds, (ratio) => 1 / ratio)
    const [control, measured] = [slower('pp'), slower('tp')]
    const row = { lane: 'G4', what: 'a hit of a function with two tags by one without', beside, ...measured }
    return [
      { lane: 'G4', what: 'a hit of a function by one of another like it', beside, ...control },
      judged(row, { atMost: 1.1, aim: 1 }),
      ...(await million()),
    ]
  })
else console.log(await ratioOf(role.split('')))
