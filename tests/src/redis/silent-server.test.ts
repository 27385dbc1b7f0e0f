import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/redis/eventually.ts'
import { startProxy } from '../support/redis/proxy.ts'
import { redisCluster, redisUrl } from '../support/redis/shared.ts'

const portOf = (address: string | undefined) => Number(address?.split(':').at(-1))

describe.each([
  ['a server', () => portOf(new URL(redisUrl()).host), (port: number) => redis({ port })],
  ['a Cluster', () => portOf(redisCluster()[0]), (port: number) => redis({ cluster: [{ host: '127.0.0.1', port }] })],
])('%s that accepts connections and never answers, from the start', (_, target, through) => {
  it('is skipped after two calls, and used again once it answers new connections', async () => {
    await using proxy = await startProxy(target())
    proxy.blackhole()
    await using cache = createCache({ onError() {} }).setup(through(proxy.port))
    const told: string[] = []
    cache.on('unavailable', () => told.push('unavailable'))
    cache.on('available', () => told.push('available'))

    expect(await cache.get('key', 'fallback')).toBe('fallback')
    expect(await cache.get('key', 'fallback')).toBe('fallback')
    expect(told).toEqual(['unavailable'])

    proxy.heal()
    await eventually(() => told.includes('available'))
    const key = crypto.randomUUID()
    expect(await cache.set(key, 1, { ttl: '1m' })).toBe(true)
  })
})

describe('a server that stops answering', () => {
  it('is skipped after two consecutive misses of a cached function', async () => {
    await using proxy = await startProxy(portOf(new URL(redisUrl()).host))
    await using cache = createCache({ onError() {} }).setup(redis({ port: proxy.port, namespace: crypto.randomUUID() }))
    const told: string[] = []
    cache.on('unavailable', () => told.push('unavailable'))
    const double = cached(cache, { ttl: '1m', key: 'double:{n}' }, async (n: number) => 2 * n)
    await double(1)

    proxy.blackhole()
    expect([await double(2), await double(3)]).toEqual([4, 6])
    expect(told).toEqual(['unavailable'])
  })
})
