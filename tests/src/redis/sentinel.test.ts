import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { expect, it, vi } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { eventually } from '../support/redis/eventually.ts'
import { freePort } from '../support/redis/ports.ts'
import { startProxy } from '../support/redis/proxy.ts'
import { startRedis } from '../support/redis/redis-server.ts'
import { startWatcher } from '../support/redis/sentinel.ts'

it('closing a client of Sentinels leaves no connection to them', async () => {
  await using master = await startRedis()
  await using sentinel = await startWatcher(master.port, 5_000)
  const connections = async () =>
    String(await sentinel.admin.client('LIST'))
      .trim()
      .split('\n').length
  const before = await connections()

  const cache = createCache().setup(redis({ sentinels: [sentinel.address], name: 'mymaster' }), PATIENT)
  await cache.set('k', 1)
  await eventually(async () => (await connections()) > before)
  await cache.close()
  await eventually(async () => (await connections()) === before)
  expect(await connections()).toBe(before)
})

it('a Sentinel that breaks its connections causes no output on the console', async () => {
  await using master = await startRedis()
  await using sentinel = await startWatcher(master.port, 5_000)
  await using proxy = await startProxy(sentinel.port)
  using complaints = vi.spyOn(console, 'error').mockReturnValue()
  const connection = { updateSentinels: false, sentinelReconnectStrategy: () => 20 }
  const options = { sentinels: [`127.0.0.1:${proxy.port}`], name: 'mymaster', connection }
  await using cache = createCache().setup(redis(options), PATIENT)
  await cache.set('k', 1)
  const listeners = async () => String(await sentinel.admin.call('CLIENT', 'LIST', 'TYPE', 'PUBSUB')).trim()
  await eventually(async () => (await listeners()) !== '')

  const before = proxy.joined
  proxy.refuse()
  proxy.reset()
  await eventually(() => proxy.joined > before + 1)
  expect(complaints).not.toHaveBeenCalled()
  expect(await cache.get('k')).toBe(1)
})

it('a Sentinel that accepts connections and never answers is passed over for the next one', async () => {
  await using master = await startRedis()
  await using sentinel = await startWatcher(master.port, 5_000)
  await using proxy = await startProxy(sentinel.port)
  proxy.blackhole()
  const sentinels = [`127.0.0.1:${proxy.port}`, sentinel.address]
  const backend = redis({ sentinels, name: 'mymaster', clientSide: true })
  await using cache = createCache({ onError() {} }).setup(backend)
  await eventually(() => cache.set('k', 1))
  await eventually(() => backend.clientSide?.live)
})

it('a Sentinel that answers again is asked for the master, even if none answered at first', async () => {
  await using master = await startRedis()
  await using sentinel = await startWatcher(master.port, 5_000)
  await using proxy = await startProxy(sentinel.port)
  proxy.blackhole()
  const sentinels = [`127.0.0.1:${proxy.port}`, `127.0.0.1:${await freePort()}`]
  const options = { sentinels, name: 'mymaster', connection: { updateSentinels: false } }
  await using cache = createCache({ onError() {} }).setup(redis(options))
  void cache.get('k')
  // One connection to ask for the master, one to find out what is wrong, and one to ask again.
  await eventually(() => proxy.joined > 2)
  proxy.heal()
  await eventually(() => cache.set('k', 1))
})
