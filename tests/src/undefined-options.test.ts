import { type DiskOptions, disk } from '@cashews/backend-disk'
import { type MemoryOptions, memory } from '@cashews/backend-memory'
import { type ClientSideOptions, type RedisOptions, redis } from '@cashews/backend-redis'
import { type BloomOptions, bloom, type DualBloomOptions, dualBloom } from '@cashews/bloom'
import { type Cache, type CacheOptions, createCache, type SetupOptions } from '@cashews/core'
import { type MetricsOptions, metrics } from '@cashews/prometheus'
import { createSerializer, type SerializerOptions } from '@cashews/serialization'
import * as strategies from '@cashews/strategies'
import { createTags, type TagsOptions } from '@cashews/tags'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** Every optional option of `O`, as `undefined`: what is missing here, or does not take it, does not compile. */
type Unset<O> = { readonly [K in keyof O as Record<never, never> extends Pick<O, K> ? K : never]-?: undefined }

const codec: Unset<Omit<SerializerOptions, 'secret' | 'secrets'>> = {
  codec: undefined,
  strict: undefined,
  signature: undefined,
  encryption: undefined,
  maxAge: undefined,
  compression: undefined,
  schema: undefined,
  errorStacks: undefined,
  limits: undefined,
}
const keying = { prefix: undefined, args: undefined, name: undefined, noSelf: undefined }
const keeping = { condition: undefined, timeCondition: undefined, nested: undefined }
const shared = { ...keying, ...keeping, tags: undefined, lock: undefined, singleFlight: undefined }
const lasting = { ...shared, ttlFromResult: undefined, jitter: undefined }

describe('an option that is undefined counts as left out', () => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(memory())
  })
  afterEach(() => cache.close())

  it('by a cache and its setup', async () => {
    const options: Unset<CacheOptions> = { name: undefined, drivers: undefined, onError: undefined }
    const setup: Unset<SetupOptions> = {
      prefix: undefined,
      drivers: undefined,
      enabled: undefined,
      middlewares: undefined,
      suppress: undefined,
      readTimeout: undefined,
      writeTimeout: undefined,
    }
    await using own = createCache(options).setup(memory(), setup)
    await own.set('k', 1, { ttl: undefined, exists: undefined, tags: undefined })
    expect(await own.get('k')).toBe(1)
    expect(await own.incrBits('bits', [1], { size: undefined, by: undefined })).toEqual([1])
    expect(await own.getBits('bits', [1], { size: undefined })).toEqual([1])
    expect(await own.setAdd('set', ['a'], { ttl: undefined })).toBe(1)
    expect(await own.setPop('set', { count: undefined })).toEqual(['a'])
    expect(await own.isLocked('k', { wait: undefined })).toBe(false)
    const locking = { ttl: 1, wait: undefined, checkInterval: undefined, signal: undefined }
    expect(await own.lock('k', locking, () => 'done')).toBe('done')
  })

  it('by every backend', async () => {
    const ofMemory: Unset<MemoryOptions> = {
      size: undefined,
      maxBytes: undefined,
      isolation: undefined,
      eviction: undefined,
      checkInterval: undefined,
      clock: undefined,
    }
    const ofDisk: Unset<Omit<DiskOptions, 'secret' | 'secrets'>> = {
      ...codec,
      directory: undefined,
      shards: undefined,
      sizeLimit: undefined,
      timeout: undefined,
      checkInterval: undefined,
      synchronous: undefined,
      clock: undefined,
    }
    const clientSide: Unset<ClientSideOptions> = {
      size: undefined,
      bytes: undefined,
      maxTtl: undefined,
      maxStale: undefined,
      isolation: undefined,
    }
    type Place = 'url' | 'client' | 'cluster' | 'sentinels' | 'host' | 'path'
    const ofRedis: Unset<Omit<RedisOptions, Place | 'secret' | 'secrets' | 'clientSide'>> = {
      ...codec,
      name: undefined,
      port: undefined,
      db: undefined,
      username: undefined,
      password: undefined,
      tls: undefined,
      namespace: undefined,
      connection: undefined,
      clusterOptions: undefined,
    }
    expect(memory(ofMemory).name).toBe('memory')
    expect(disk(ofDisk).name).toBe('disk')
    expect(redis({ ...ofRedis, clientSide }).name).toBe('redis')
    expect(redis({ ...ofRedis, clientSide: undefined }).name).toBe('redis')
    expect(createSerializer({ ...codec, limits: { decoded: undefined, encoded: undefined } })).toBeDefined()
  })

  type Makers = Readonly<Record<string, () => (id: number) => Promise<unknown>>>
  const fn = async (id: number) => id
  const makers: Makers = {
    cached: () => {
      const options: Unset<Omit<strategies.CachedOptions, 'key' | 'ttl'>> = lasting
      return strategies.cached(cache, { ...options, ttl: 60, key: 'k:{0}' }, fn)
    },
    early: () => {
      const own = { earlyTtl: undefined, beta: undefined, background: undefined }
      const options: Unset<Omit<strategies.EarlyOptions, 'key' | 'ttl' | 'earlyTtl'>> = { ...lasting, ...own }
      return strategies.early(cache, { ...options, ttl: 60, earlyTtl: 30, key: 'k:{0}' }, fn)
    },
    soft: () => {
      const options: Unset<Omit<strategies.SoftOptions, 'key' | 'ttl' | 'softTtl'>> = { ...lasting, errors: undefined }
      return strategies.soft(cache, { ...options, ttl: 60, softTtl: 30, key: 'k:{0}' }, fn)
    },
    hit: () => {
      const own = { updateAfter: undefined, background: undefined }
      const options: Unset<Omit<strategies.HitOptions, 'key' | 'ttl' | 'cacheHits'>> = { ...lasting, ...own }
      return strategies.hit(cache, { ...options, ttl: 60, cacheHits: 2, key: 'k:{0}' }, fn)
    },
    failover: () => {
      const options: Unset<Omit<strategies.FailoverOptions, 'key' | 'ttl'>> = { ...lasting, errors: undefined }
      return strategies.failover(cache, { ...options, ttl: 60, key: 'k:{0}' }, fn)
    },
    locked: () => {
      const own = { wait: undefined, checkInterval: undefined }
      const options: Unset<Omit<strategies.LockedOptions, 'key'>> = { ...keying, ...own }
      return strategies.locked(cache, { ...options, ttl: 60, key: 'k:{0}' }, fn)
    },
    'cached with a lock': () => {
      const lock = { ttl: undefined, wait: undefined, checkInterval: undefined }
      return strategies.cached(cache, { ttl: 60, key: 'k:{0}', lock }, fn)
    },
    rateLimit: () => {
      const options: Unset<Omit<strategies.RateLimitOptions, 'key'>> = { ...keying, action: undefined, ttl: undefined }
      return strategies.rateLimit(cache, { ...options, limit: 2, period: 60, key: 'k:{0}' }, fn)
    },
    slidingRateLimit: () => {
      const options: Unset<Omit<strategies.SlidingRateLimitOptions, 'key'>> = { ...keying, action: undefined }
      return strategies.slidingRateLimit(cache, { ...options, limit: 2, period: 60, key: 'k:{0}' }, fn)
    },
    circuitBreaker: () => {
      const options: Unset<Omit<strategies.CircuitBreakerOptions, 'key'>> = {
        ...keying,
        halfOpenTtl: undefined,
        minCalls: undefined,
        probes: undefined,
        errors: undefined,
        onChange: undefined,
      }
      return strategies.circuitBreaker(cache, { ...options, errorsRate: 50, period: 60, ttl: 1, key: 'k' }, fn)
    },
    invalidates: () => {
      const options: Unset<strategies.InvalidatesOptions> = { args: undefined, defaults: undefined, tags: undefined }
      return strategies.invalidates(cache, 'k:*', options, fn)
    },
  }
  it.each(Object.keys(makers))('by %s', async (name) => {
    const run = (makers[name] as Makers[string])()
    expect([await run(1), await run(1)]).toEqual([1, 1])
  })

  it('by filters, tags and metrics', async () => {
    const element = { key: undefined, args: undefined, noSelf: undefined }
    const ofBloom: Unset<BloomOptions<never, never, never>> = {
      ...element,
      falsePositives: undefined,
      maxKeyBytes: undefined,
      checkFalsePositive: undefined,
      ttl: undefined,
      rotate: undefined,
    }
    const ofDual: Unset<DualBloomOptions<never, never, never>> = {
      ...element,
      falsePositives: undefined,
      maxKeyBytes: undefined,
      noCollisions: undefined,
      ttl: undefined,
    }
    const isUser = async (id: string) => id === '1'
    expect(await bloom(cache, { ...ofBloom, name: 'a', capacity: 10 }, isUser)('2')).toBe(false)
    expect(await dualBloom(cache, { ...ofDual, name: 'b', capacity: 10 }, isUser)('2')).toBe(false)
    const ofTags: Unset<TagsOptions> = { backend: undefined }
    expect(createTags(cache, ofTags)).toBeDefined()
    const ofMetrics: Unset<MetricsOptions> = {
      registry: undefined,
      prefix: undefined,
      withTag: undefined,
      buckets: undefined,
    }
    expect(metrics(ofMetrics)).toBe(metrics())
  })
})
