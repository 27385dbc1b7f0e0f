import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { redisUrl } from '../support/redis/shared.ts'

const script = fileURLToPath(new URL('../support/redis/late-joiner.ts', import.meta.url))

it('no reader of three processes gets a value that was invalidated before it asked', async () => {
  const namespace = `late:${crypto.randomUUID()}:`
  const read = async (): Promise<{ reads: number; stale: number[] }> => {
    const args = ['--conditions=@cashews/source', script, redisUrl(), namespace, '100']
    return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout)
  }
  const found = await Promise.all([read(), read(), read()])
  console.log(JSON.stringify(found))
  expect(found.flatMap(({ stale }) => stale).reduce((sum, stale) => sum + stale, 0)).toBe(0)
  expect(found.reduce((sum, { reads }) => sum + reads, 0)).toBeGreaterThan(5_000)
})
