import { describe, expect, it } from 'vitest'
import { watchedCache } from '../../support/faults/cache.ts'
import { PATIENT } from '../../support/patience.ts'
import { eventually } from '../../support/redis/eventually.ts'
import { startProxy } from '../../support/redis/proxy.ts'
import { type RedisServer, startRedis } from '../../support/redis/redis-server.ts'

const NAME = 'mymaster'

/**
 * A real server that answers clients of Sentinels as a Sentinel would: its `MGET` is called `sentinel`, and finds the address of
 * the master under the words of the question. A Sentinel takes seconds to make a new master; this one says so when it is told to.
 */
async function startStandIn(master: RedisServer): Promise<RedisServer> {
  const standIn = await startRedis({ args: ['--rename-command', 'MGET', 'sentinel'] })
  await standIn.admin.mset({ 'get-master-addr-by-name': '127.0.0.1', [NAME]: master.port })
  return standIn
}

describe('a client of Sentinels that learns of a new master while it connects to the old one', () => {
  it.each([
    ['is connected again', 'normal', 2],
    ['hears of changes again, when its other connection knows nothing of a new master', 'pubsub', 1],
  ])('%s', async (_, broken, listening) => {
    await using master = await startRedis()
    await using sentinel = await startStandIn(master)
    await using proxy = await startProxy(sentinel.port)
    const sentinels = [`127.0.0.1:${proxy.port}`]
    const connection = { updateSentinels: false }
    await using near = watchedCache({ sentinels, name: NAME, clientSide: { maxStale: 0.3 }, connection }, PATIENT)
    const isLive = () => near.backend.clientSide?.live
    const listeners = async () =>
      String(await sentinel.admin.call('CLIENT', 'LIST', 'TYPE', 'PUBSUB')).match(/\bid=\d+/g) ?? []
    await near.cache.init()
    await eventually(isLive)
    await eventually(async () => (await listeners()).length === 2)

    if (listening === 1) await sentinel.admin.call('CLIENT', 'KILL', ...((await listeners())[0]?.split('=') ?? []))
    sentinel.freeze()
    const told = sentinel.admin.publish('+switch-master', `${NAME} 127.0.0.1 1 127.0.0.1 2`)
    const before = proxy.joined
    await master.admin.call('CLIENT', 'KILL', 'TYPE', broken)
    await eventually(() => proxy.joined > before)
    sentinel.thaw()

    expect(await told).toBe(listening)
    await eventually(() => near.cache.set('k', 1))
    await eventually(isLive)
  })
})
