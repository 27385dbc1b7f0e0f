import { redis } from '@cashews/backend-redis'
import { bloom } from '@cashews/bloom'
import { type Cache, createCache } from '@cashews/core'
import calculateSlot from 'cluster-key-slot'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { redisCluster } from '../support/redis/shared.ts'

const elements = Array.from({ length: 2_000 }, (_, at) => `user${at}@example.com`)
const options = { name: 'emails', capacity: 2_000, maxKeyBytes: 512, checkFalsePositive: false } as const

/** Looks up elements a few at a time, since a busy machine does not answer thousands at once in time. */
async function askedFor(exists: (email: string) => Promise<boolean>, emails: readonly string[]): Promise<boolean[]> {
  const answers: boolean[] = []
  for (let at = 0; at < emails.length; at += 20)
    answers.push(...(await Promise.all(emails.slice(at, at + 20).map((email) => exists(email)))))
  return answers
}

describe('a filter on a cluster', () => {
  const namespace = `bloom:${crypto.randomUUID()}:`
  let caches: readonly Cache[]
  beforeEach(() => {
    caches = [0, 1].map(() =>
      createCache({ onError: () => undefined }).setup(redis({ cluster: redisCluster(), namespace }), PATIENT),
    )
  })
  afterEach(async () => {
    await caches[0]?.clear()
    await Promise.all(caches.map((cache) => cache.close()))
  })

  it('is split over keys in different slots, filled by one process and read by another', async () => {
    const [ours, theirs] = caches as [Cache, Cache]
    const asks = vi.fn(async (_email: string) => true)
    const filling = bloom(ours, options, asks)
    await filling.setMany(elements)
    const keys: string[] = []
    for await (const key of ours.scan(`${filling.storedName}:?`)) keys.push(key)
    expect(keys).toHaveLength(6)
    expect(new Set(keys.map((key) => calculateSlot(namespace + key))).size).toBe(6)
    for (const key of keys) expect(await ours.getSize(key)).toBeLessThan(2_048)

    const asking = bloom(theirs, options, asks)
    expect(await askedFor(asking, elements)).toEqual(elements.map(() => true))
    const strangers = await askedFor(
      asking,
      elements.map((email) => `no-${email}`),
    )
    expect(strangers.filter(Boolean).length).toBeLessThan(40)
    expect(asks).not.toHaveBeenCalled()
    expect((await asking.estimate()).isWhole).toBe(true)
  })

  it('keeps all elements that several processes add concurrently', async () => {
    const asks = vi.fn(async (_email: string) => true)
    const handles = caches.map((cache) => bloom(cache, options, asks))
    const some = elements.slice(0, 200)
    for (let at = 0; at < some.length; at += 20)
      await Promise.all(some.slice(at, at + 20).map((email, nth) => handles[nth % 2]?.set(email)))
    for (const exists of handles) expect(await askedFor(exists, some)).toEqual(some.map(() => true))
    expect(asks).toHaveBeenCalledTimes(some.length)
  })

  it('calls the function for elements of a part that was lost', async () => {
    const [ours] = caches as [Cache]
    const asks = vi.fn(async (_email: string) => true)
    const exists = bloom(ours, options, asks)
    await exists.setMany(elements)
    await ours.delete(`${exists.storedName}:2`)
    expect(await askedFor(exists, elements)).toEqual(elements.map(() => true))
    expect(asks.mock.calls.length).toBeGreaterThan(200)
    expect(asks.mock.calls.length).toBeLessThan(500)
  })
})
