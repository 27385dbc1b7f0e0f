import { redis } from '@cashews/backend-redis'
import { type Cache, createCache, type SetupOptions } from '@cashews/core'
import { createTags } from '@cashews/tags'
import slotOf from 'cluster-key-slot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { type RedisCluster, startCluster } from '../support/redis/cluster.ts'
import { eventually } from '../support/redis/eventually.ts'
import type { RedisServer } from '../support/redis/redis-server.ts'

const KEYS = Array.from({ length: 30 }, (_, at) => `k:${at}`)

describe('a Cluster without replicas', () => {
  let cluster: RedisCluster
  let first: RedisServer
  let others: RedisServer[]
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 0 })
    ;[first, ...others] = cluster.nodes as [RedisServer, RedisServer, RedisServer]
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  const cacheOf = (bounds: SetupOptions): Cache =>
    createCache({ onError() {} }).setup(redis({ cluster: cluster.addresses }), bounds)

  it('does not carry out later what it has refused', async () => {
    await using cache = cacheOf({ ...PATIENT, suppress: false })
    const slot = slotOf('cashews:a')
    const owner = await cluster.masterOf('cashews:a')
    await cache.set('a', 'old')
    await owner.admin.cluster('DELSLOTS', slot)
    const refused = expect(cache.set('a', 'new')).rejects.toThrow('CLUSTERDOWN')
    await eventually(async () => /evalsha:.*rejected_calls=[1-9]/.test(await owner.admin.info('commandstats')))
    await owner.admin.cluster('ADDSLOTS', slot)
    await refused
  })

  it.each([
    ['deleteMatch', 'deletes by pattern', false],
    ['deleteMatch', 'deletes by pattern where tags are used', true],
    ['clear', 'clears', false],
  ] as const)(
    '%s fails when a master refuses writes, and %s on the others all the same',
    async (command, _, tagging) => {
      for (const refusing of cluster.nodes) {
        const namespace = `${crypto.randomUUID()}:`
        const backend = redis({ cluster: cluster.addresses, namespace })
        await using cache = createCache().setup(backend, { ...PATIENT, suppress: false })
        if (tagging) createTags(cache)
        await cache.setMany(
          KEYS.map((key) => [key, 'old'] as const),
          tagging ? { tags: ['tag'] } : {},
        )
        const owners = await Promise.all(KEYS.map((key) => cluster.masterOf(namespace + key)))
        await refusing.admin.config('SET', 'min-replicas-to-write', 1)
        const failing = expect(cache[command]('k:*')).rejects.toMatchObject({ code: 'CASHEWS_BACKEND' })
        const left = failing.then(() => cache.getMany(KEYS))
        await left.finally(() => refusing.admin.config('SET', 'min-replicas-to-write', 0))
        expect(await left).toEqual(owners.map((owner) => (owner === refusing ? 'old' : undefined)))
        await eventually(async () => (await cache.getMany(KEYS)).every((found) => found === undefined))
      }
    },
  )

  it('is away as long as it refuses all keys, although one of its servers answers', async () => {
    await using cache = cacheOf({})
    const told: string[] = []
    cache.on('unavailable', () => told.push('unavailable'))
    cache.on('available', () => told.push('available'))
    await cache.init()
    for (const server of others) server.freeze()
    await eventually(async () => String(await first.admin.cluster('INFO')).includes('cluster_state:fail'))
    const readAll = () => Promise.all(KEYS.map((key) => cache.get(key)))
    const probes = async () => Number(/_ping:calls=(\d+)/.exec(await first.admin.info('commandstats'))?.[1] ?? 0)
    await eventually(async () => (await readAll()) && told.length > 0)
    const before = await probes()
    await eventually(async () => (await readAll()) && (await probes()) > before + 3)
    expect(told).toEqual(['unavailable'])

    for (const server of others) server.thaw()
    await eventually(async () => (await Promise.all(KEYS.map((key) => cache.set(key, 1)))).every(Boolean))
  })
})
