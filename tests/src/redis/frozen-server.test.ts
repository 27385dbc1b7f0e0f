import { redis } from '@cashews/backend-redis'
import { type Cache, createCache } from '@cashews/core'
import { createTags } from '@cashews/tags'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { eventually } from '../support/redis/eventually.ts'
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts'

const KEYS = ['one', 'many', 'match:1', 'tagged', 'other']

describe('while a server is frozen', () => {
  let server: RedisServer
  let cache: Cache
  beforeAll(async () => {
    server = await startRedis()
  })
  beforeEach(async () => {
    const backend = redis({ url: server.url, namespace: `${crypto.randomUUID()}:` })
    cache = createCache({ onError() {} }).setup(backend, { ...PATIENT, readTimeout: '0.5s' })
    await cache.setMany(KEYS.map((key) => [key, 'old'] as const))
  })
  afterEach(async () => {
    server.thaw()
    await cache.close()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  /** Acts while the server is frozen and not asked any more. Resolves to what it holds when it is first asked again. */
  const valuesAfter = async (act: () => Promise<unknown>): Promise<readonly unknown[]> => {
    const { promise, resolve } = Promise.withResolvers<readonly unknown[]>()
    cache.on('available', () => resolve(cache.getMany(KEYS)))
    server.freeze()
    await Promise.all([cache.get('other'), cache.get('other')])
    await act()
    server.thaw()
    return promise
  }

  it('what is invalidated is not answered any more afterwards', async () => {
    const tags = createTags(cache)
    await cache.set('tagged', 'old', { tags: ['tag'] })
    const invalidate = async () => {
      await cache.delete('one')
      await cache.deleteMany(['many'])
      await cache.deleteMatch('match:*')
      await tags.delete('tag')
    }
    expect(await valuesAfter(invalidate)).toEqual([undefined, undefined, undefined, undefined, 'old'])
  })

  it('what is cleared is not answered any more afterwards', async () => {
    expect(await valuesAfter(() => cache.clear())).toEqual(KEYS.map(() => undefined))
  })

  it.each(['deleteMatch', 'clear', 'getKeysCount'] as const)(
    'nobody waits for longer by %s than by other commands',
    async (command) => {
      const backend = redis({ url: server.url })
      await using strict = createCache().setup(backend, { suppress: false, readTimeout: '0.1s', writeTimeout: '0.3s' })
      await strict.init()
      server.freeze()
      await expect(strict[command]('*')).rejects.toThrow('within 300 ms')
    },
    20_000,
  )

  it.each([
    ['', false],
    [' where tags are used', true],
  ])(
    'nobody waits for longer when it froze in the midst of a deletion by pattern%s',
    async (_, tagging) => {
      const namespace = `${crypto.randomUUID()}:`
      const patient = createCache().setup(redis({ url: server.url, namespace }), PATIENT)
      const bounds = { readTimeout: '0.3s', writeTimeout: '0.3s', suppress: false } as const
      await using strict = createCache({ onError() {} }).setup(redis({ url: server.url, namespace }), bounds)
      if (tagging) for (const each of [patient, strict]) createTags(each)
      const keys = Array.from({ length: 20_000 }, (_, at) => `k:${at}`)
      for (let at = 0; at < keys.length; at += 1_000)
        await patient.setMany(
          keys.slice(at, at + 1_000).map((key) => [key, 1] as const),
          tagging ? { tags: ['tag'] } : {},
        )
      await patient.close()
      const before = await server.admin.dbsize()
      const deletion = strict.deleteMatch('k:*')
      await eventually(async () => (await server.admin.dbsize()) < before - 100)
      server.freeze()
      await expect(deletion).rejects.toThrow('within 300 ms')
    },
    20_000,
  )

  it('nobody waits for longer when it froze as keys were deleted by pattern whose tags have a backend of their own', async () => {
    const backend = redis({ url: server.url, namespace: `${crypto.randomUUID()}:` })
    const bounds = { readTimeout: '0.3s', writeTimeout: '0.3s', suppress: false } as const
    await using strict = createCache({ onError() {} }).setup(backend, bounds)
    createTags(strict, { backend: redis({ url: server.url, namespace: 'tags:' }) })
    await strict.set('k:1', 1, { tags: ['tag'] })
    const remove = backend.deleteMany
    vi.spyOn(backend, 'deleteMany').mockImplementation((keys) => {
      server.freeze()
      return remove(keys)
    })
    await expect(strict.deleteMatch('k:*')).rejects.toThrow('within 300 ms')
  }, 20_000)

  it('a deletion by pattern has the time of its cache, where a less patient one has the same backend', async () => {
    const backend = redis({ url: server.url, namespace: `${crypto.randomUUID()}:` })
    await using patient = createCache().setup(backend, { ...PATIENT, suppress: false })
    createCache().setup(backend, { readTimeout: '50ms', writeTimeout: '50ms' })
    await patient.set('k:1', 1)
    server.freeze()
    const deletion = patient.deleteMatch('k:*')
    setTimeout(() => server.thaw(), 500)
    expect(await deletion).toBe(1)
  })

  it('a cache whose timeouts have no end waits for as long as it takes, without warnings about timers', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const bounds = { readTimeout: Number.POSITIVE_INFINITY, writeTimeout: Number.POSITIVE_INFINITY }
    const backend = redis({ url: server.url, namespace: `${crypto.randomUUID()}:` })
    await using patient = createCache().setup(backend, { ...bounds, suppress: false })
    await patient.set('k:1', 1)
    server.freeze()
    const keys = ['k:1', ...Array.from({ length: 2_000 }, (_, at) => `absent:${at}`)]
    const answers = Promise.all([patient.getMany(keys), patient.set('other', 2), patient.getKeysCount()])
    setTimeout(() => server.thaw(), 300)
    expect(await answers).toEqual([[1, ...keys.slice(1).map(() => undefined)], true, expect.any(Number)])
    expect(warn).not.toHaveBeenCalled()
  })

  it('a copy in the process is not used any more once it was invalidated', async () => {
    const backend = redis({ url: server.url, clientSide: { maxStale: '20s' } })
    await using near = createCache({ onError() {} }).setup(backend, { ...PATIENT, readTimeout: '0.5s' })
    await near.set('key', 'old')
    await eventually(async () => (await near.get('key')) === 'old' && backend.getNow?.('key') === 'old')
    server.freeze()
    await Promise.all([near.get('other'), near.get('other')])
    await near.delete('key')
    expect(await near.get('key')).toBeUndefined()
  })

  it('a lock that is released is free soon afterwards', async () => {
    const lock = await cache.acquireLock('job', { ttl: '1m' })
    await valuesAfter(() => lock.release())
    expect(await cache.isLocked('job', { wait: '5s' })).toBe(false)
  })
})
