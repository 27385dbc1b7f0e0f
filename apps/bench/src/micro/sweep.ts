import { strictEqual } from 'node:assert'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { memory } from '@cashews/backend-memory'
import { HOUR } from '../contenders.ts'
import { quantile, run } from '../harness.ts'
import { worstPause } from '../pauses.ts'
import { judged } from '../report.ts'

const MILLION = 1_000_000
const keys = Array.from({ length: MILLION }, (_, at) => ['user', at].join(':'))

function held(): number {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** The bytes of an entry with a ttl, in a store of a million, without its key and value. */
function bytesPerEntry(): number {
  const before = held()
  const store = memory({ size: MILLION, isolation: 'none' })
  for (const key of keys) store.set(key, key, HOUR)
  const bytes = (held() - before) / MILLION
  strictEqual(store.get(keys[0] as string), keys[0])
  return bytes
}

/** The longest pause while a million keys are swept that expired at the same time, in milliseconds. */
async function pauseOfSweeping(): Promise<number> {
  const host = { expired: 0, removed: () => void host.expired++, error: () => {} }
  let now = Date.now()
  const store = memory({ size: MILLION, isolation: 'none', clock: { now: () => now } })
  store.open(host)
  for (const key of keys) store.set(key, key, HOUR)
  await setTimeout(100)
  globalThis.gc?.()
  now += HOUR
  const pause = await worstPause(async () => {
    while (host.expired < MILLION) await setImmediate()
  })
  strictEqual(store.count(), 0)
  store.close()
  return pause
}

/** The longest pause while a million keys are deleted by a pattern, in milliseconds. */
async function pauseOfDeletion(): Promise<number> {
  const store = memory({ size: MILLION, isolation: 'none' })
  for (const key of keys) store.set(key, key, HOUR)
  await setTimeout(100)
  globalThis.gc?.()
  const pause = await worstPause(async () => strictEqual(await store.deleteMatch('user:*'), MILLION))
  store.close()
  return pause
}

/** The median of five runs. */
async function median(measure: () => Promise<number>): Promise<number> {
  const found: number[] = []
  for (let round = 0; round < 5; round++) found.push(await measure())
  return quantile(found, 0.5)
}

/** M5: memory and pauses of a large store. */
await run(async () => {
  const row = (what: string, ratio: number, atMost: number) => judged({ lane: 'M5', what, ratio }, { atMost })
  return [
    row('bytes per entry with ttl, of 1,000,000', bytesPerEntry(), 110),
    row('worst pause of sweeping 1,000,000 keys, ms', await median(pauseOfSweeping), 5),
    row('worst pause of deleting 1,000,000 keys by a pattern, ms', await median(pauseOfDeletion), 5),
  ]
})
