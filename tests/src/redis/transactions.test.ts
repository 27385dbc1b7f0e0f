import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type RedisOptions, redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { CrossSlotError, transaction } from '@cashews/transactions'
import slotOf from 'cluster-key-slot'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { anomalyOf, type Deed } from '../support/history.ts'
import { PATIENT } from '../support/patience.ts'
import { eventually } from '../support/redis/eventually.ts'
import { startProxy } from '../support/redis/proxy.ts'
import { startRedis } from '../support/redis/redis-server.ts'
import { redisCluster, redisUrl } from '../support/redis/shared.ts'

const transactor = fileURLToPath(new URL('../support/redis/transactor.ts', import.meta.url))
const namespace = () => `tx:${crypto.randomUUID()}:`

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

describe('transactions of several processes on Redis', () => {
  it.each(['locked', 'serializable'])(
    'are serializable when they are %s',
    async (mode) => {
      const own = namespace()
      const run = async (name: string): Promise<Deed[]> => {
        const flags = ['--conditions=@cashews/source', transactor]
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
  const setup = (options: RedisOptions = {}) => {
    const cache = createCache().setup(redis({ cluster: redisCluster(), namespace: namespace(), ...options }), PATIENT)
    closing.push(() => cache.close())
    return cache
  }

  it('refuse the first key of another slot before anything is written', async () => {
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
    'commit in one step within a slot, and slot by slot with crossSlot, when they are %s',
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

  it('are known to have committed when the answer of one of several servers was lost', async () => {
    const own = namespace()
    const master = await masterOf(`${own}key`)
    await using link = await startProxy(master.port)
    const natMap = { [`${master.host}:${master.port}`]: { host: '127.0.0.1', port: link.port } }
    const cache = setup({ namespace: own, clusterOptions: { natMap } })
    const witness = setup({ namespace: own })
    // Loads the script of a commit, which would otherwise be sent twice.
    await transaction(cache, () => cache.set('key', 'before'), { mode: 'fast' })
    const committing = transaction(
      cache,
      async () => {
        await cache.set('key', 'after')
        link.delay({ down: 5_000 })
      },
      { mode: 'fast' },
    )
    await eventually(async () => (await witness.get('key')) === 'after')
    link.heal()
    link.reset()
    await committing
    expect(await cache.get('key')).toBe('after')
  })
})

/** The address of the master of a key in the cluster. */
async function masterOf(name: string): Promise<{ host: string; port: number }> {
  const [host = '', port] = redisCluster()[0]?.split(':') ?? []
  const client = new Redis({ host, port: Number(port) })
  const slots = await client.cluster('SLOTS')
  client.disconnect()
  const [, , master] = slots.find(([from, to]) => slotOf(name) >= from && slotOf(name) <= to) ?? []
  return { host: String(master?.[0]), port: Number(master?.[1]) }
}

it.each([true, false])('an outage that ends many transactions is reported once, suppress: %s', async (suppress) => {
  await using server = await startRedis()
  const reported: unknown[] = []
  await using cache = createCache({ onError: (error) => reported.push(error) })
  cache.setup(redis({ url: server.url }), { ...PATIENT, suppress })
  await cache.init()
  const { promise: killed, resolve: goOn } = Promise.withResolvers<void>()
  const { promise: held, resolve: allHeld } = Promise.withResolvers<void>()
  const keys = ['a', 'b', 'c', 'd', 'e']
  let holding = 0
  const changes = keys.map((key) =>
    transaction(cache, async () => {
      await cache.set(key, 1)
      if (++holding === keys.length) allHeld()
      await killed
    }),
  )
  await held
  await server.kill()
  goOn()
  for (const { status } of await Promise.allSettled(changes)) expect(status).toBe('rejected')
  expect(reported).toHaveLength(1)
})

it('a transaction frees its locks as soon as the server is back when the connection broke at its end', async () => {
  await using server = await startRedis()
  await using link = await startProxy(server.port)
  await using cache = createCache().setup(redis({ host: '127.0.0.1', port: link.port }), PATIENT)
  const locks = () => server.admin.keys('*\0transaction')
  const change = transaction(
    cache,
    async () => {
      await cache.setMany({ a: 1, b: 1 })
      link.refuse()
      link.reset()
      throw new Error('rolls back')
    },
    { timeout: '1h' },
  )
  await expect(change).rejects.toThrow('rolls back')
  expect(await locks()).toHaveLength(2)
  link.heal()
  await eventually(async () => (await locks()).length === 0)
})
