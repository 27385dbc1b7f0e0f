import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { CrossSlotError, transaction } from '@cashews/transactions'
import { afterEach, describe, expect, it } from 'vitest'
import { anomalyOf, type Deed } from '../support/history.ts'
import { PATIENT } from '../support/patience.ts'
import { redisCluster, redisUrl } from '../support/redis/shared.ts'

const transactor = fileURLToPath(new URL('../support/redis/transactor.ts', import.meta.url))
const namespace = () => `tx:${crypto.randomUUID()}:`

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

describe('transactions of several processes on Redis', () => {
  it.each(['locked', 'serializable'])(
    'are as if one came after another when they are %s',
    async (mode) => {
      const own = namespace()
      const run = async (name: string): Promise<Deed[]> => {
        const flags = ['--conditions=@cashews/source', '--no-warnings', transactor]
        const { stdout } = await promisify(execFile)(process.execPath, [...flags, redisUrl(), own, name, mode, '40'])
        return JSON.parse(stdout)
      }
      const deeds = (await Promise.all(['a', 'b', 'c'].map(run))).flat()
      expect(deeds).toHaveLength(240)
      expect(anomalyOf(deeds)).toBe(undefined)
    },
    120_000,
  )
})

describe('transactions on a Redis Cluster', () => {
  const setup = () => {
    const cache = createCache().setup(redis({ cluster: redisCluster(), namespace: namespace() }), PATIENT)
    closing.push(() => cache.close())
    return cache
  }

  it('refuse the first key of another slot, before anything is written', async () => {
    const cache = setup()
    const split = transaction(cache, async () => {
      await cache.set('{user:1}:a', 1)
      await cache.set('{user:1}:b', 1)
      await cache.set('{user:2}:a', 1)
    })
    await expect(split).rejects.toThrow(CrossSlotError)
    expect(await cache.getMany(['{user:1}:a', '{user:1}:b'])).toEqual([undefined, undefined])
  })

  it.each(['fast', 'locked', 'serializable'] as const)(
    'commit in one step within a slot, and slot by slot if asked to, when they are %s',
    async (mode) => {
      const cache = setup()
      await transaction(
        cache,
        async () => {
          await cache.incr('{user:1}:count')
          await cache.set('{user:1}:name', 'Ada', { ttl: '1h' })
        },
        { mode },
      )
      expect(await cache.getMany(['{user:1}:count', '{user:1}:name'])).toEqual([1, 'Ada'])
      await transaction(cache, () => cache.setMany({ '{user:1}:count': 5, '{user:2}:count': 6 }), {
        mode,
        crossSlot: 'per-slot',
      })
      expect(await cache.getMany(['{user:1}:count', '{user:2}:count'])).toEqual([5, 6])
    },
  )
})
