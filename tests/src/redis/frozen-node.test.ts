import { once } from 'node:events'
import { type RedisOptions, redis } from '@cashews/backend-redis'
import { createCache, type SetupOptions } from '@cashews/core'
import { createTags } from '@cashews/tags'
import { Cluster } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { type RedisCluster, startCluster } from '../support/redis/cluster.ts'
import { eventually } from '../support/redis/eventually.ts'
import type { RedisServer } from '../support/redis/redis-server.ts'

const KEYS = Array.from({ length: 30 }, (_, at) => `k:${at}`)

describe('a Cluster of which one master is frozen', () => {
  let cluster: RedisCluster
  let victim: RedisServer
  beforeAll(async () => {
    cluster = await startCluster()
    await cluster.trustItsNodes()
  })
  afterEach(async () => {
    victim.thaw()
    if (victim.pid === undefined) await victim.start()
    await cluster.settled()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  /** A cache with a value for each key. `sick` are the keys on the master to freeze. */
  const filled = async (options: RedisOptions, bounds: SetupOptions) => {
    const namespace = `frozen:${crypto.randomUUID()}:`
    const backend = redis({ namespace, ...(options.client ? {} : { cluster: cluster.addresses }), ...options })
    const cache = createCache({ onError() {} }).setup(backend, bounds)
    await cache.setMany(KEYS.map((key) => [key, key] as const))
    const owners = await Promise.all(KEYS.map((key) => cluster.masterOf(namespace + key)))
    victim = owners[0] as RedisServer
    const sick = KEYS.filter((_, at) => owners[at] === victim)
    return { cache, sick, well: KEYS.filter((key) => !sick.includes(key)) }
  }

  describe.each([
    ['without copies', false],
    ['with copies in the process', true],
  ])('%s', (_, clientSide) => {
    it('returns keys of the other masters while reads of the same turn wait for the frozen one', async () => {
      const { cache, sick, well } = await filled({ clientSide }, PATIENT)
      await using _ = cache
      victim.freeze()
      const waiting = sick.map((key) => cache.get(key))
      expect(await Promise.all(well.map((key) => cache.get(key)))).toEqual(well)
      victim.thaw()
      expect(await Promise.all(waiting)).toEqual(sick)
    })

    it('returns a miss only for keys of the frozen master when many keys are read', async () => {
      const { cache, sick } = await filled({ clientSide }, { ...PATIENT, readTimeout: '1s' })
      await using _ = cache
      victim.freeze()
      expect(await cache.getMany(KEYS)).toEqual(KEYS.map((key) => (sick.includes(key) ? undefined : key)))
    })
  })

  it.each([
    ['', false],
    [' where tags are used', true],
  ])(
    'fails to delete by pattern in the time of a command, and has deleted from the other masters%s',
    async (_, tagging) => {
      const bounds = { readTimeout: '1s', writeTimeout: '1s', suppress: false } as const
      const { cache, sick, well } = await filled({}, bounds)
      await using _cache = cache
      if (tagging) createTags(cache)
      victim.freeze()
      await expect(cache.deleteMatch('k:*')).rejects.toMatchObject({ code: 'CASHEWS_BACKEND' })
      expect(await cache.getMany(well)).toEqual(well.map(() => undefined))
      await expect(cache.get(sick[0] as string)).rejects.toThrow('does not answer')
    },
    20_000,
  )

  it.each([
    ['', false],
    [' where tags are used', true],
  ])(
    'fails to delete by pattern when a master was silent as it was told which loads that ends, and answers again%s',
    async (_, tagging) => {
      const bounds = { readTimeout: '1s', writeTimeout: '1s', suppress: false } as const
      const { cache, well } = await filled({}, bounds)
      await using _cache = cache
      if (tagging) createTags(cache)
      victim.freeze()
      const deletion = cache.deleteMatch('k:*')
      setTimeout(() => victim.thaw(), 1_300)
      await expect(deletion).rejects.toMatchObject({ code: 'CASHEWS_BACKEND' })
      expect(await cache.getMany(well)).toEqual(well.map(() => undefined))
    },
    20_000,
  )

  it.each([
    ['', false],
    [', where another cache has the same backend', true],
  ])(
    'answers no value of a master that was frozen as it was invalidated, from the first answer on%s',
    async (_, shared) => {
      const namespace = `frozen:${crypto.randomUUID()}:`
      const backend = redis({ cluster: cluster.addresses, namespace })
      await using cache = createCache().setup(backend, { suppress: false })
      if (shared) createCache().setup(backend)
      const isSet = () => cache.set('key', 'old').catch(() => false)
      // The master has to know the script that deletes.
      await eventually(async () => (await isSet()) && cache.delete('key').catch(() => false))
      await eventually(isSet)
      victim = await cluster.masterOf(`${namespace}key`)
      victim.freeze()
      await eventually(() => cache.get('key').catch(({ message }) => message.includes('the rest of the cluster')))
      const repeated = vi.spyOn(backend, 'deleteMany')
      await expect(cache.delete('key')).rejects.toThrow()
      // The pauses between the repetitions are far longer by then than it takes to find the master back.
      await eventually(() => repeated.mock.calls.length >= 5)
      victim.thaw()
      const found = await firstAnswer(() => cache.get('key'))
      expect(found).toBeUndefined()
    },
  )

  it('fails to delete by pattern when the master is gone, and has deleted from the others', async () => {
    const { cache, sick, well } = await filled({}, { ...PATIENT, suppress: false })
    await using _ = cache
    await victim.kill()
    await expect(cache.get(sick[0] as string)).rejects.toThrow('Redis node')
    await expect(cache.deleteMatch('k:*')).rejects.toMatchObject({ code: 'CASHEWS_BACKEND' })
    expect(await cache.getMany(well)).toEqual(well.map(() => undefined))
  })

  it('fails to scan when the client knows of the missing master again before the scan has ended', async () => {
    const client = new Cluster(cluster.addresses, { redisOptions: { maxRetriesPerRequest: 0 } })
    using _client = { [Symbol.dispose]: () => client.disconnect() }
    const { cache } = await filled({ client }, { ...PATIENT, suppress: false })
    await using _ = cache
    await Promise.all([once(client, '-node'), victim.kill()])
    const scanAll = async () => {
      for await (const _ of cache.scan('k:*', { batchSize: 1 })) {
        await new Promise((resolve) => client.refreshSlotsCache(resolve))
        expect(client.nodes('master')).toHaveLength(3)
      }
    }
    await expect(scanAll()).rejects.toMatchObject({ code: 'CASHEWS_BACKEND' })
  })
})

/** The first answer to a question that is refused for a while. */
async function firstAnswer(ask: () => Promise<unknown>): Promise<unknown> {
  const answers: unknown[] = []
  const isAnswered = async () => answers.push(await ask())
  await eventually(() => isAnswered().catch(() => false))
  return answers[0]
}
