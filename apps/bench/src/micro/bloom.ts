import { strictEqual } from 'node:assert'
import { memory } from '@cashews/backend-memory'
import { bloom } from '@cashews/bloom'
import { createCache } from '@cashews/core'
import { BloomFilter } from 'bloom-filters'
import { compare, run } from '../harness.ts'

/** H1: a filter of 10,000 elements in memory, asked for those it holds and for others. */
const CAPACITY = 10_000
const RATE = 1

const member = (at: number) => `user${at}@example.com`
const stranger = (at: number) => `nobody${at}@example.org`
const asked = Array.from({ length: 1_000 }, (_, at) => (at % 2 === 0 ? member(at) : stranger(at)))

await run(async () => {
  const cache = createCache().setup(memory())
  const options = { name: 'users', capacity: CAPACITY, falsePositives: RATE, checkFalsePositive: false }
  const has = bloom(cache, options, async (_email: string) => true)
  const peer = BloomFilter.create(CAPACITY, RATE / 100)
  await has.setMany(Array.from({ length: CAPACITY }, (_, at) => member(at)))
  for (let at = 0; at < CAPACITY; at++) peer.add(member(at))

  return compare({
    lane: 'H1',
    what: 'has',
    ours: {
      name: 'cashews',
      async batch() {
        for (const email of asked) await has(email)
      },
      async check() {
        strictEqual(await has(member(1)), true)
        strictEqual(await has('nobody'), false)
      },
    },
    peers: [
      {
        name: 'bloom-filters',
        bar: { atLeast: 40, aim: 115 },
        batch() {
          for (const email of asked) peer.has(email)
        },
        check() {
          strictEqual(peer.has(member(1)), true)
          strictEqual(peer.has('nobody'), false)
        },
      },
    ],
  })
})
