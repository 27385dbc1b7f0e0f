import { strictEqual } from 'node:assert'
import { memory } from '@cashews/backend-memory'
import { bloom } from '@cashews/bloom'
import { createCache } from '@cashews/core'
import { run } from '../harness.ts'
import type { Row } from '../report.ts'

/** The false-positive rate of full filters of 10 thousand and of 10 million elements, divided by the rate asked for. */
const RATE = 1
const PROBES = 1_000_000

const member = (at: number) => `user${at}@example.com`
const stranger = (at: number) => `nobody${at}@example.org`

async function rateOf(capacity: number): Promise<Row> {
  const cache = createCache().setup(memory())
  const options = { name: 'users', capacity, falsePositives: RATE, checkFalsePositive: false }
  const has = bloom(cache, options, async (_email: string) => true)
  const all = function* () {
    for (let at = 0; at < capacity; at++) yield member(at)
  }
  await has.setMany(all(), { batchSize: 10_000 })
  for (let at = 0; at < capacity; at += 7) strictEqual(await has(member(at)), true)
  let wrong = 0
  for (let at = 0; at < PROBES; at++) if (await has(stranger(at))) wrong++
  const ratio = wrong / PROBES / (RATE / 100)
  const what = `false positives of a full filter of ${capacity} elements, by those asked for`
  return { lane: 'H1', what, beside: `${RATE} %`, ratio, bar: '0.9 – 1.1', passed: ratio >= 0.9 && ratio <= 1.1 }
}

await run(async () => [await rateOf(10_000), await rateOf(10_000_000)])
