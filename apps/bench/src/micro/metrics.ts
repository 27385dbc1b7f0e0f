import { strictEqual } from 'node:assert'
import { metrics } from '@cashews/prometheus'
import { cached } from '@cashews/strategies'
import { Registry } from 'prom-client'
import { cashews } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { askInBothOrders, beside, ownLoop, role } from '../processes.ts'
import { judged } from '../report.ts'
import { ids, userOf } from '../users.ts'

/** H2: the cost of metrics for a hit, in nanoseconds, beside the same comparison without metrics. */
const BUDGET = 600

if (role === undefined)
  await run(async () => {
    const added = (kinds: string) => askInBothOrders(kinds, (nanoseconds) => -nanoseconds)
    const [control, measured] = [added('bb'), added('mb')]
    const row = { lane: 'H2', what: 'nanoseconds that metrics add to a hit', beside, ...measured }
    return [
      { lane: 'H2', what: 'nanoseconds between two hits without metrics', beside, ...control },
      judged(row, { atMost: 40, aim: 25 }),
    ]
  })
else console.log(await differenceOf(role.split('')))

/**
 * What a hit of the first kind takes more than one of the second, in nanoseconds.
 *
 * @param kinds Of the two caches: with metrics (`m`) or bare (`b`).
 */
async function differenceOf(kinds: readonly string[]): Promise<number> {
  const registry = new Registry()
  const [ours, theirs] = [await hitsOf(kinds[0], registry), await hitsOf(kinds[1], registry)]
  const rows = await compare({ lane: 'H2', what: 'a hit', budget: BUDGET, ours, peers: [theirs] })
  const text = await registry.metrics()
  if (kinds.includes('m'))
    strictEqual(Number(/calls_total\{template="user:\{id\}",result="hit"\} (\S+)/.exec(text)?.[1]) > 100_000, true)
  // From the ratio, since the speed of the machine may change between rounds.
  const [{ theirs: took = 0, ratio = 1 } = {}] = rows
  return took / ratio - took
}

async function hitsOf(kind: string | undefined, registry: Registry) {
  const cache = await cashews('none')
  if (kind === 'm') cache.use(metrics({ registry }))
  const load = cached(cache, { ttl: '1h', key: 'user:{id}' }, async (id: string) => userOf(id))
  for (const id of ids) await load(id)
  return {
    name: String(kind),
    batch: ownLoop(load),
    async check() {
      strictEqual((await load('1')).id, '1')
    },
  }
}
