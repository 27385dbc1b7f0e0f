import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { expect, it } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { eventually } from '../support/redis/eventually.ts'
import { startRedis } from '../support/redis/redis-server.ts'

/** The permissions as documented in docs/redis.md. */
const ACL = `on >secret resetkeys ~cashews:* resetchannels &__redis__:invalidate &cashews:~released
  -@all +@read +@write +@scripting -@dangerous +memory|usage +info +ping +hello +auth +select +quit +time +publish
  +subscribe +unsubscribe +client|id +client|tracking +client|setname +cluster|slots +cluster|shards
  +cluster|info`

it('works for a user with the documented permissions', async () => {
  await using server = await startRedis()
  await server.admin.call('ACL', 'SETUSER', 'app', ...ACL.split(/\s+/))
  const errors: unknown[] = []
  const backend = redis({ url: `redis://app:secret@${server.address}`, clientSide: true })
  await using cache = createCache({ onError: (error) => void errors.push(error) })
  cache.setup(backend, { suppress: false, readTimeout: '10s', writeTimeout: '10s' })
  await cache.set('k', 1, { ttl: 60 })
  await eventually(() => backend.clientSide?.live)
  expect(await cache.get('k')).toBe(1)
  expect(await cache.getMany(['k', 'none'], 0)).toEqual([1, 0])
  await cache.setMany({ a: 1, b: 2 })
  expect(await cache.incr('k')).toBe(2)
  expect(await cache.expire('k', 60)).toBe(true)
  expect(await cache.getSize('k')).toBeGreaterThan(0)
  expect(await cache.getOrSet('loaded', () => 'value')).toBe('value')
  expect(await cache.incrBits('bits', [1])).toEqual([1])
  expect(await cache.sliceIncr('window', { start: 0, end: 1, max: 10 })).toBe(1)
  await cache.setAdd('set', ['x'])
  expect(await cache.setPop('set')).toEqual(['x'])
  await cache.lock('job', { ttl: 10 }, async () => {
    const waiting = cache.acquireLock('job', { ttl: 10, wait: 10 })
    await cache.ping()
    void waiting.then((lock) => lock.release())
  })
  expect(await cache.getKeysCount()).toBe(6)
  await cache.deleteMatch('a*')
  await cache.clear()
  expect(await cache.getKeysCount()).toBe(0)
  expect(errors).toEqual([])
})

it('works without notice of released locks when it may no longer subscribe', async () => {
  await using server = await startRedis()
  await server.admin.call('ACL', 'SETUSER', 'app', ...ACL.split(/\s+/))
  await using cache = createCache().setup(redis({ url: `redis://app:secret@${server.address}` }), PATIENT)
  const listening = async () => String(await server.admin.client('LIST', 'TYPE', 'PUBSUB')).includes('user=app')
  const lock = await cache.acquireLock('job', { ttl: 10 })
  const next = cache.acquireLock('job', { ttl: 10, wait: 10 })
  await eventually(listening)
  await server.admin.call('ACL', 'SETUSER', 'app', 'resetchannels')
  await eventually(async () => String(await server.admin.call('ACL', 'LOG')).includes('channel'))
  await server.admin.call('ACL', 'SETUSER', 'app', '&cashews:~released')
  await lock.release()
  expect(await (await next).release()).toBe(true)
})

it('names the command when a script lacks a permission', async () => {
  await using server = await startRedis()
  await server.admin.call('ACL', 'SETUSER', 'app', ...ACL.split(/\s+/), '-publish')
  await using cache = createCache()
  cache.setup(redis({ url: `redis://app:secret@${server.address}` }), { ...PATIENT, suppress: false })
  await cache.setLock('job', 'token', { ttl: 10 })
  await expect(cache.unlock('job', 'token')).rejects.toThrow(/may not run publish|no permissions to run the 'publish'/i)
})
