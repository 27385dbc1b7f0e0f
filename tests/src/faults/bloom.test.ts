import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { memory } from '@cashews/backend-memory'
import { redis } from '@cashews/backend-redis'
import { bloom } from '@cashews/bloom'
import { createCache } from '@cashews/core'
import { metrics } from '@cashews/prometheus'
import { cached } from '@cashews/strategies'
import { Registry } from 'prom-client'
import { describe, it } from 'vitest'
import { report } from '../support/faults/report.ts'
import { PATIENT } from '../support/patience.ts'
import { startRedis } from '../support/redis/redis-server.ts'

const MILLION = 1_000_000
const PROCESSES = 4
const filler = fileURLToPath(new URL('../support/faults/bloom-filler.ts', import.meta.url))

describe('filters and metrics', () => {
  it('L11, L12: four processes fill a filter of a million, which is then dropped', async () => {
    await using server = await startRedis()
    const namespace = `bloom:${crypto.randomUUID()}:`
    const share = MILLION / PROCESSES
    const exits = Array.from({ length: PROCESSES }, async (_, nth) => {
      const args = [server.url, namespace, `${nth * share}`, `${(nth + 1) * share}`]
      const [code] = await once(fork(filler, args, { execArgv: ['--conditions=@cashews/source'] }), 'exit')
      return code as number
    })
    const failed = (await Promise.all(exits)).filter((code) => code !== 0).length

    await using cache = createCache({ onError: () => undefined })
    cache.setup(redis({ url: server.url, namespace }), PATIENT)
    let asked = 0
    const options = { name: 'million', capacity: MILLION, checkFalsePositive: false } as const
    const exists = bloom(cache, options, async (_email: string) => {
      asked++
      return true
    })
    const yesFor = async (emailOf: (at: number) => string, step: number) => {
      let yes = 0
      for (let at = 0; at < MILLION; at += step * 100) {
        const emails = Array.from({ length: 100 }, (_, nth) => emailOf(at + nth * step))
        yes += (await Promise.all(emails.map((email) => exists(email)))).filter(Boolean).length
      }
      return yes
    }
    const checked = MILLION / 10
    const negatives = checked - (await yesFor((at) => `user${at}@example.com`, 10))
    const positives = (await yesFor((at) => `nobody${at}@example.org`, 10)) / checked / 0.01
    report(
      'L11',
      'false negatives 0; false positives <= 1.2 x asked',
      { adds: MILLION, processes: PROCESSES, failed, checked, negatives, positives, asked },
      failed === 0 && negatives === 0 && positives <= 1.2 && asked === 0,
    )

    await cache.delete(exists.storedName)
    const lost = await exists('user1@example.com')
    report('L12', 'function called, never false', { answer: lost, asked }, lost && asked === 1)
  }, 300_000)

  it('J12: a million keys pass by', async () => {
    const registry = new Registry()
    await using cache = createCache()
    cache.setup(memory({ size: 1_000 })).use(metrics({ registry, withTag: (key) => key }))
    const load = cached(cache, { ttl: 60, key: 'k:{id}' }, async (id: number) => id)
    const series = async () => (await registry.metrics()).split('\n').filter((line) => !line.startsWith('#')).length
    for (let id = 0; id < 2_000; id++) await load(id)
    const before = await series()
    for (let id = 2_000; id < MILLION; id++) await load(id)
    const after = await series()
    report('J12', 'series constant', { before, after, keys: MILLION }, before === after)
  }, 300_000)
})
