import { transaction } from '@cashews/transactions'
import { describe, expect, it } from 'vitest'
import { hasHeard, isLive, watchedCache } from '../../support/faults/cache.ts'
import { report } from '../../support/faults/report.ts'
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
  await nameMaster(standIn, master)
  return standIn
}

const nameMaster = ({ admin }: RedisServer, { port }: RedisServer) =>
  admin.mset({ 'get-master-addr-by-name': '127.0.0.1', [NAME]: port })

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

it('copies are not used while a Sentinel names a replica, which hears of changes late or not at all', async () => {
  await using master = await startRedis()
  await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', `${master.port}`] })
  await using sentinel = await startStandIn(master)
  const connection = { updateSentinels: false }
  await using near = watchedCache({ sentinels: [sentinel.address], name: NAME, clientSide: true, connection }, PATIENT)
  await near.cache.init()
  await eventually(() => near.backend.clientSide?.live)
  const connections = async () =>
    Number(/total_connections_received:(\d+)/.exec(await replica.admin.info('stats'))?.[1] ?? 0)

  await eventually(async () => (await replica.admin.info('replication')).includes('master_link_status:up'))
  await nameMaster(sentinel, replica)
  const before = await connections()
  await master.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await eventually(async () => (await connections()) >= before + 3)
  expect(near.backend.clientSide?.live).toBe(false)
  await nameMaster(sentinel, master)
  await eventually(() => near.backend.clientSide?.live)
})

describe('Sentinels', () => {
  const known = ({ address }: RedisServer) =>
    ({ sentinels: [address], name: NAME, connection: { updateSentinels: false } }) as const

  it('C5: all are dead', async () => {
    await using master = await startRedis()
    await using sentinel = await startStandIn(master)
    await using near = watchedCache({ ...known(sentinel), clientSide: true }, PATIENT)
    const { cache, heard } = near
    await cache.init()
    await isLive(near)
    await sentinel.kill()
    let errors = 0
    for (let at = 0; at < 100; at++) if (!(await cache.set('k', at)) || (await cache.get('k')) !== at) errors++
    const isUsed = near.backend.clientSide?.live === true && heard.unavailable === 0
    await master.admin.call('CLIENT', 'KILL', 'TYPE', 'normal')
    await eventually(async () => (await cache.get('k', 'default')) === 'default')
    await sentinel.start()
    await nameMaster(sentinel, master)
    await eventually(() => cache.set('k', 'back'))
    report('C5', 'the master is used on, and found again when one is back', { errors, isUsed }, errors === 0 && isUsed)
  })

  it('C6: a master that was replaced comes back with writes that its successor has not', async () => {
    await using before = await startRedis()
    await using after = await startRedis()
    await using sentinel = await startStandIn(before)
    await using near = watchedCache({ ...known(sentinel), clientSide: { maxStale: 0.3 } })
    const { cache, backend, namespace } = near
    await using writer = watchedCache({ url: before.url, namespace }, PATIENT)
    await using successor = watchedCache({ url: after.url, namespace }, PATIENT)
    await writer.cache.set('k', 'lost')
    await successor.cache.set('k', 'kept')
    await eventually(async () => (await cache.get('k')) && backend.getNow?.('k') === 'lost')
    await nameMaster(sentinel, after)
    before.freeze()
    await eventually(async () => (await cache.get('k')) === 'kept' && backend.getNow?.('k') === 'kept')
    before.thaw()
    await writer.cache.set('k', 'lost too')
    await hasHeard(near)
    const found = [await cache.get('k'), backend.getNow?.('k')].join()
    report('C6', 'no copy of them is used', { found }, found === 'kept,kept')
  })

  it('C7: a failover loses a lock', async () => {
    await using before = await startRedis()
    await using after = await startRedis()
    await using sentinel = await startStandIn(before)
    await using watched = watchedCache(known(sentinel), PATIENT)
    const { cache, namespace } = watched
    await using other = watchedCache({ url: after.url, namespace }, PATIENT)
    await cache.set('k', 'before')
    const [locked, failedOver] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const write = async () => {
      await cache.set('k', 'mine')
      locked.resolve()
      await failedOver.promise
    }
    const outcome = transaction(cache, write, { mode: 'locked', timeout: '60s' }).then(
      () => 'committed',
      (error) => String(error.code),
    )
    await locked.promise
    await nameMaster(sentinel, after)
    await before.kill()
    await transaction(other.cache, () => other.cache.set('k', 'theirs'), { mode: 'locked' })
    await eventually(() => cache.ping().then(Boolean, () => false))
    failedOver.resolve()
    const measured = { outcome: await outcome, found: String(await other.cache.get('k')) }
    const pass = measured.outcome !== 'committed' && measured.found === 'theirs'
    report('C7', 'whoever held it does not write over its successor', measured, pass)
  })
})
