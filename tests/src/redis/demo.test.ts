import { expect, it } from 'vitest'
import { demo } from '../support/demo.ts'
import { redisCluster } from '../support/redis/shared.ts'

it('the demo changes four keys together on a Cluster too', async () => {
  const url = `redis+cluster://${redisCluster().join(',')}?namespace=demo:${crypto.randomUUID()}:`
  const { code, stdout } = await demo({ CACHE_URL: url }, 'login')
  expect(code).toBe(0)
  expect(stdout).toContain('All 2 claims held')
})
