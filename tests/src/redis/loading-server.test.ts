import { redis } from '@cashews/backend-redis'
import { type Cache, createCache } from '@cashews/core'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/redis/eventually.ts'
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts'

describe('a cache on a server that is loading its data', () => {
  let server: RedisServer
  let reloader: Redis
  let loading: Promise<unknown>
  let reported: Error[]
  let cache: Cache
  beforeAll(async () => {
    server = await startRedis({
      args: ['--enable-debug-command', 'yes', '--loading-process-events-interval-bytes', '1024'],
    })
    await server.admin.call('DEBUG', 'POPULATE', 10_000)
    reloader = server.admin.duplicate()
  })
  afterAll(async () => {
    reloader.disconnect()
    await server[Symbol.asyncDispose]()
  })

  const waitPerKey = (microseconds: number) => server.admin.config('SET', 'key-load-delay', microseconds)

  beforeEach(async () => {
    await reloader.ping()
    await waitPerKey(5_000)
    loading = reloader.call('DEBUG', 'RELOAD')
    await eventually(async () => String(await server.admin.info('persistence')).includes('\nloading:1'))
    reported = []
    cache = createCache({ onError: (error) => reported.push(error as Error) }).setup(redis({ url: server.url }))
  })
  afterEach(async () => {
    await cache.close()
    await waitPerKey(0)
    await loading
  })

  it('waits for it', async () => {
    const opening = cache.init()
    const waitsForSeconds = async () => / name=cashews age=[2-9]/.test(String(await server.admin.client('LIST')))
    await eventually(waitsForSeconds)
    await waitPerKey(0)
    await opening
    expect(reported).toEqual([])
    expect(await cache.set('key', 1)).toBe(true)
  })

  it('names the reason when that takes too long', async () => {
    await cache.init()
    expect(reported).toHaveLength(1)
    expect(reported[0]?.message).toContain('it is loading its data')
  })
})
