import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type RedisOptions, redis } from '@cashews/backend-redis'
import { BackendUnavailableError, createCache } from '@cashews/core'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { eventually } from '../support/redis/eventually.ts'
import { freePort } from '../support/redis/ports.ts'
import { type FaultyLink, startProxy } from '../support/redis/proxy.ts'
import { startRedis } from '../support/redis/redis-server.ts'
import { redisCluster, redisUrl } from '../support/redis/shared.ts'

/** The error of the first command of a cache with these options. */
async function failureOf(options: RedisOptions): Promise<Error> {
  await using cache = createCache().setup(redis(options), { suppress: false, ...PATIENT })
  const entries = { a: 1, b: 2, c: 3, d: 4 }
  return await cache.setMany(entries, { ttl: 60 }).then(
    () => expect.fail('It worked.'),
    (error) => error,
  )
}

describe('a wrong setup of Redis', () => {
  it('names a database that does not exist: nothing is written to another one', async () => {
    const [url, namespace] = [redisUrl(), `wiring:${crypto.randomUUID()}:`]
    const failure = await failureOf({ url, namespace, db: 9_999 })
    expect(failure).toBeInstanceOf(BackendUnavailableError)
    expect(failure.message).toMatch(/DB index is out of range/)
    await using cache = createCache().setup(redis({ url, namespace }), PATIENT)
    expect(await cache.getKeysCount()).toBe(0)
  })

  it('names a server that is not a Sentinel, which is reported at once', async () => {
    const { host } = new URL(redisUrl())
    const failure = await failureOf({ sentinels: [host], name: 'mymaster' })
    expect(failure).toBeInstanceOf(BackendUnavailableError)
    expect(failure.message).toMatch(/sentinels are unreachable.*unknown command 'sentinel'/)
  })

  it('names a node of a Cluster: the error says how to reach all of it', async () => {
    const [host] = redisCluster()
    const failure = await failureOf({ url: `redis://${host}` })
    expect(failure.message).toMatch(/(MOVED|CROSSSLOT).*part of a Cluster: set it up by redis\(\{ cluster/)
  })

  it.each([
    ['a Cluster', (port: number) => ({ cluster: [`127.0.0.1:${port}`] })],
    ['Sentinels', (port: number) => ({ sentinels: [`127.0.0.1:${port}`], name: 'mymaster' })],
  ])('names a server that does not exist: %s', async (_, options) => {
    expect((await failureOf(options(await freePort()))).message).toMatch(/connect ECONNREFUSED/)
  })

  it('gives a wrong password, which no error reveals', async () => {
    const failure = await failureOf({ url: redisUrl(), username: 'nobody', password: 'HUSH' })
    expect(failure.message).toMatch(/WRONGPASS/)
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('HUSH')
  })

  it('names a server that is not part of a Cluster', async () => {
    const { host } = new URL(redisUrl())
    expect((await failureOf({ cluster: [host] })).message).toMatch(/cluster support disabled/)
  })
})

it('a server is reached by its Unix socket, whose path the error names when nobody listens', async () => {
  const path = join(tmpdir(), `cashews-${crypto.randomUUID()}.sock`)
  expect((await failureOf({ path })).message).toContain(path)
  await using server = await startRedis({ args: ['--unixsocket', path] })
  await using cache = createCache().setup(redis({ path }), PATIENT)
  await cache.set('key', server.port)
  await using other = createCache({ drivers: [redis] }).setup(`redis+unix://${path}`, PATIENT)
  expect(await other.get('key')).toBe(server.port)
  expect(await server.admin.keys('*')).toEqual(['cashews:key'])
})

it('your client is not reconnected because its server is silent for a while', async () => {
  await using server = await startRedis()
  const client = new Redis(server.url, { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 })
  using _ = { [Symbol.dispose]: () => client.disconnect() }
  await once(client, 'ready')
  let closed = 0
  client.on('close', () => closed++)
  await using cache = createCache().setup(redis({ client }), { readTimeout: '1s', writeTimeout: '1s' })
  await cache.init()
  server.freeze()
  await expect(cache.ping()).rejects.toThrow('did not answer')
  server.thaw()
  await eventually(() => cache.ping().catch(() => false))
  expect(closed).toBe(0)
})

describe('two caches on one backend', () => {
  it.each([false, true])('of which one is closed: the other goes on, with copies: %s', async (clientSide) => {
    const backend = redis({ url: redisUrl(), namespace: `wiring:${crypto.randomUUID()}:`, clientSide })
    const closed = createCache().setup(backend)
    await using other = createCache({ onError() {} }).setup(backend)
    for (const cache of [closed, other]) expect(await cache.set('key', 1)).toBe(true)
    await closed.close()
    expect(await other.set('key', 2)).toBe(true)
    expect(await other.get('key')).toBe(2)
    await eventually(async () => (await other.get('key')) === 2 && backend.clientSide?.live !== false)
  })

  it('that are both closed leave your client open, and no listener on it', async () => {
    const options = { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 }
    const client = new Redis(redisUrl(), options)
    using _ = { [Symbol.dispose]: () => client.disconnect() }
    const listeners = () => client.eventNames().map((event) => [event, client.listenerCount(event)])
    await once(client, 'ready')
    const before = listeners()
    const backend = redis({ client, namespace: `wiring:${crypto.randomUUID()}:`, clientSide: true })
    const caches = ['one', 'other'].map(() => createCache().setup(backend))
    for (const cache of caches) expect(await cache.set('key', 1)).toBe(true)
    for (const cache of caches) await cache.close()
    expect(listeners()).toEqual(before)
    expect(await client.ping()).toBe('PONG')
  })
  const refuse = (proxy: FaultyLink) => {
    proxy.refuse()
    proxy.reset()
  }
  it.each([
    ['refuses connections', refuse],
    ['accepts connections and never answers', (proxy: FaultyLink) => proxy.blackhole()],
  ])('of which one is closed while Redis %s: the other goes on later, with copies', async (_, fail) => {
    await using proxy = await startProxy(Number(new URL(redisUrl()).port))
    const backend = redis({ port: proxy.port, namespace: `wiring:${crypto.randomUUID()}:`, clientSide: true })
    const closed = createCache({ onError() {} }).setup(backend)
    await using other = createCache({ onError() {} }).setup(backend)
    for (const cache of [closed, other]) await eventually(() => cache.set('key', 1))
    fail(proxy)
    await Promise.all([other.get('a'), other.get('b')])
    await closed.close()
    const { joined } = proxy
    await eventually(() => proxy.joined > joined)
    proxy.heal()
    await eventually(() => other.set('key', 2))
    await eventually(() => backend.clientSide?.live)
  })
})
