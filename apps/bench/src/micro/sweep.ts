import { strictEqual } from 'node:assert'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { memory } from '@cashews/backend-memory'
import { HOUR } from '../contenders.ts'
import { run } from '../harness.ts'

const MILLION = 1_000_000
const keys = Array.from({ length: MILLION }, (_, at) => ['user', at].join(':'))

function held(): number {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** What a million entries with a time to live take, beside keys and values that exist anyway. */
function bytesPerEntry(): number {
  const before = held()
  const store = memory({ size: MILLION, isolation: 'none' })
  for (const key of keys) store.set(key, key, HOUR)
  const bytes = (held() - before) / MILLION
  strictEqual(store.get(keys[0] as string), keys[0])
  return bytes
}

/** The longest that the event loop stood still, in milliseconds, while a million keys that expired at once were swept. */
async function worstPause(): Promise<number> {
  const host = { expired: 0, removed: () => void host.expired++, error: () => {} }
  let now = Date.now()
  const store = memory({ size: MILLION, isolation: 'none', clock: { now: () => now } })
  store.open(host)
  for (const key of keys) store.set(key, key, HOUR)
  await setTimeout(100)
  globalThis.gc?.()
  now += HOUR
  let worst = 0
  for (let last = performance.now(); host.expired < MILLION; ) {
    await setImmediate()
    const at = performance.now()
    worst = Math.max(worst, at - last)
    last = at
  }
  strictEqual(store.count(), 0)
  store.close()
  return worst
}

/** The same, while a million keys are deleted by a pattern. */
async function worstPauseOfDeletion(): Promise<number> {
  const store = memory({ size: MILLION, isolation: 'none' })
  for (const key of keys) store.set(key, key, HOUR)
  await setTimeout(100)
  globalThis.gc?.()
  let worst = 0
  let last = performance.now()
  let deleted: number | undefined
  const deleting = Promise.resolve(store.deleteMatch('user:*')).then((count) => {
    deleted = count
  })
  while (deleted === undefined) {
    await setImmediate()
    const at = performance.now()
    worst = Math.max(worst, at - last)
    last = at
  }
  await deleting
  strictEqual(deleted, MILLION)
  store.close()
  return worst
}

const median = (pauses: readonly number[]): number =>
  pauses.toSorted((one, other) => one - other)[Math.floor(pauses.length / 2)] as number

/** M5: room and sweeping of a large store. */
await run(async () => {
  const bytes = bytesPerEntry()
  const pauses: number[] = []
  for (let round = 0; round < 5; round++) pauses.push(await worstPause())
  const pause = median(pauses)
  const pausesOfDeletion: number[] = []
  for (let round = 0; round < 5; round++) pausesOfDeletion.push(await worstPauseOfDeletion())
  const pauseOfDeletion = median(pausesOfDeletion)
  return [
    {
      lane: 'M5',
      what: 'bytes per entry with ttl, of 1,000,000',
      beside: '',
      ratio: bytes,
      bar: '≤ 110',
      passed: bytes <= 110,
    },
    {
      lane: 'M5',
      what: 'worst pause of sweeping 1,000,000 keys, ms',
      beside: '',
      ratio: pause,
      bar: '≤ 5',
      passed: pause <= 5,
    },
    {
      lane: 'M5',
      what: 'worst pause of deleting 1,000,000 keys by a pattern, ms',
      beside: '',
      ratio: pauseOfDeletion,
      bar: '≤ 5',
      passed: pauseOfDeletion <= 5,
    },
  ]
})
