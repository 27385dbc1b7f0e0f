import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { expect, it } from 'vitest'
import { usedMemory } from '../support/faults/memory.ts'
import { report, round } from '../support/faults/report.ts'
import type { Work } from '../support/faults/transacting.ts'
import { linesOf, startWork } from '../support/faults/work.ts'
import { PATIENT } from '../support/patience.ts'
import { startRedis } from '../support/redis/redis-server.ts'

/** Has processes do the same at once. `heard` receives each line that a process prints. Returns their last lines. */
async function together(
  count: number,
  work: Pick<Work, 'role' | 'times'>,
  heard: (line: string, kill: () => void) => void = () => {},
): Promise<string[]> {
  await using server = await startRedis()
  const store = { url: server.url, namespace: 'fault:' }
  await using cache = createCache().setup(redis(store), PATIENT)
  let waiting = count
  const run = async () => {
    const child = startWork({ store, ...work })
    let last = ''
    for await (const line of linesOf(child)) {
      last = line
      if (line === 'ready' && --waiting === 0) await cache.set('go', true)
      heard(line, () => child.kill('SIGKILL'))
    }
    return last
  }
  return await Promise.all(Array.from({ length: count }, run))
}

it('E2: eight processes miss a key together, 500 times each', async () => {
  let loads = 0
  const found = await together(8, { role: 'load', times: 500 }, (line) => {
    if (line === 'loading') loads++
  })
  const results = new Set(found).size
  report('E2', 'one load for all of them', { loads, results }, loads === 1 && results === 1)
}, 60_000)

it('E3: the process that loads for the others dies', async () => {
  let [loads, killedAt, next] = [0, 0, Number.POSITIVE_INFINITY]
  const found = await together(4, { role: 'load', times: 100 }, (line, kill) => {
    if (line !== 'loading') return
    if (++loads === 2) next = performance.now() - killedAt
    if (loads > 1) return
    killedAt = performance.now()
    kill()
  })
  const results = new Set(found.filter((line) => line !== 'loading'))
  const measured = { loads, next: round(next), results: results.size }
  // The lock lives for a second, and others look for it now and then.
  report('E3', 'another loads once its lock has ended', measured, loads === 2 && results.size === 1 && next <= 2_000)
}, 60_000)

it('L1: four processes make 500 calls each, of which 100 are allowed', async () => {
  const told = (await together(4, { role: 'limit', times: 500 })).map((line): [number, number] => JSON.parse(line))
  const fixed = told.reduce((sum, [allowed]) => sum + allowed, 0)
  const sliding = told.reduce((sum, [, allowed]) => sum + allowed, 0)
  report('L1', 'exactly 100', { fixed, sliding }, fixed === 100 && sliding === 100)
}, 60_000)

it('I2, I4, I5: caches are opened by many calls at once and closed in the middle of them, 200 times', async () => {
  await using server = await startRedis()
  const clients = async () => String(await server.admin.client('LIST')).match(/\bname=cashews/g)?.length ?? 0
  const handles = () => process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind)).length
  let [most, longest, pending] = [0, 0, 0]
  const cycle = async () => {
    const cache = createCache({ onError: () => {} })
    cache.setup(redis({ url: server.url, clientSide: true }))
    await Promise.all(Array.from({ length: 100 }, () => cache.init()))
    most = Math.max(most, await clients())
    const calls = Array.from({ length: 1_000 }, async (_, at) => {
      pending++
      await (at % 2 ? cache.set(`k:${at}`, at, { ttl: 60 }) : cache.get(`k:${at - 1}`)).finally(() => pending--)
    })
    const start = performance.now()
    await cache.close()
    await Promise.allSettled(calls)
    longest = Math.max(longest, performance.now() - start)
    await expect.poll(clients).toBe(0)
  }
  for (let round = 0; round < 50; round++) await cycle()
  const [before, used] = [handles(), usedMemory()]
  for (let round = 0; round < 150; round++) await cycle()
  const grown = round(usedMemory() - used)
  const measured = { most, pending, longest: round(longest), handles: handles() - before, grown }
  const pass = most <= 2 && pending === 0 && longest <= 1_000 && measured.handles <= 0 && grown <= 10
  report('I2, I4, I5', 'nothing is left, neither calls nor connections nor memory', measured, pass)
}, 120_000)
