import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { expect, it } from 'vitest'
import { PATIENT } from '../support/patience.ts'
import { eventually } from '../support/redis/eventually.ts'
import { startRedis } from '../support/redis/redis-server.ts'
import { startWatcher } from '../support/redis/sentinel.ts'

it('a client of Sentinels that is closed leaves no connection to them', async () => {
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
