import { strictEqual } from 'node:assert'
import { metrics } from '@cashews/prometheus'
import { cached } from '@cashews/strategies'
import { Registry } from 'prom-client'
import { cashews } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import type { Row } from '../report.ts'
import { ids, userOf } from '../users.ts'

/** H2: what metrics add to a hit, in nanoseconds. */
await run(async () => {
  const [bare, measured] = [await cashews('none'), await cashews('none')]
  const registry = new Registry()
  measured.use(metrics({ registry }))
  const options = { ttl: '1h', key: 'user:{id}' } as const
  const without = cached(bare, options, async (id: string) => userOf(id))
  const withMetrics = cached(measured, options, async (id: string) => userOf(id))
  for (const id of ids) {
    await without(id)
    await withMetrics(id)
  }
  const rows = await compare({
    lane: 'H2',
    what: 'a hit with metrics',
    ours: {
      name: 'with metrics',
      async batch() {
        for (const id of ids) await withMetrics(id)
      },
      async check() {
        strictEqual((await withMetrics('1')).id, '1')
      },
    },
    peers: [
      {
        name: 'without',
        async batch() {
          for (const id of ids) await without(id)
        },
        async check() {
          strictEqual((await without('1')).id, '1')
        },
      },
    ],
  })
  const text = await registry.metrics()
  strictEqual(Number(/calls_total\{template="user:\{id\}",result="hit"\} (\S+)/.exec(text)?.[1]) > 100_000, true)
  const [{ theirs = 0, ratio = 1 } = {}] = rows
  // By the ratio of each round, because the machine may be half as fast in the next one.
  const nanoseconds = theirs / ratio - theirs
  const added: Row = {
    lane: 'H2',
    what: 'nanoseconds that metrics add to a hit',
    beside: 'without',
    ratio: nanoseconds,
    bar: '≤ 40',
    aim: '≤ 25',
    passed: nanoseconds <= 40,
  }
  return [...rows, added]
})
