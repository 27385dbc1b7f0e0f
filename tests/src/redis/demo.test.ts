import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { redisCluster } from '../support/redis/shared.ts'

const main = fileURLToPath(new URL('../../../apps/demo/src/main.ts', import.meta.url))

it('the demo changes four keys together on a Cluster too', async () => {
  const url = `redis+cluster://${redisCluster().join(',')}?namespace=demo:${crypto.randomUUID()}:`
  const flags = ['--conditions=@cashews/source', '--import', 'tsx']
  const env = { ...process.env, CACHE_URL: url }
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, main, 'login'], { env })
  expect(stdout).toContain('All 2 claims held')
})
