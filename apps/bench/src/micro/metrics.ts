import { strictEqual } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { metrics } from '@cashews/prometheus'
import { cached } from '@cashews/strategies'
import { Registry } from 'prom-client'
import { cashews } from '../contenders.ts'
import { compare, quantile, run } from '../harness.ts'
import { ids, userOf } from '../users.ts'

/**
 * H2: what metrics add to a hit, in nanoseconds. One process says little about so few of them: the same code, compared
 * with itself, differs by up to 70 ns from process to process, by how V8 happened to compile it. So several processes
 * are asked, in both orders, and the median counts. The same comparison without any metrics stands beside it.
 */
const PROCESSES = 12
const BUDGET = 600
const [, script = '', role] = process.argv

if (role === undefined)
  await run(async () => {
    const added = (kinds: string) => {
      const asked = Array.from({ length: PROCESSES }, (_, nth) =>
        nth % 2 === 0 ? ask(kinds) : -ask(kinds.split('').reverse().join('')),
      )
      return { ratio: quantile(asked, 0.5), quartiles: [quantile(asked, 0.25), quantile(asked, 0.75)] as const }
    }
    const [control, measured] = [added('bb'), added('mb')]
    const passed = measured.ratio <= 40
    const beside = `median of ${PROCESSES} processes`
    return [
      { lane: 'H2', what: 'nanoseconds that nothing adds to a hit', beside, ...control },
      {
        lane: 'H2',
        what: 'nanoseconds that metrics add to a hit',
        beside,
        ...measured,
        bar: '≤ 40',
        aim: '≤ 25',
        passed,
      },
    ]
  })
else console.log(await differenceOf(role.split('')))

/** What a hit of the first kind takes more than one of the second, in nanoseconds, in a process of its own. */
function ask(kinds: string): number {
  const { stdout, status, stderr } = spawnSync(process.execPath, [...process.execArgv, script, kinds], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}

/** @param kinds Of the two caches: with metrics (`m`) or bare (`b`). */
async function differenceOf(kinds: readonly string[]): Promise<number> {
  const registry = new Registry()
  const [ours, theirs] = [await hitsOf(kinds[0], registry), await hitsOf(kinds[1], registry)]
  const rows = await compare({ lane: 'H2', what: 'a hit', budget: BUDGET, ours, peers: [theirs] })
  const text = await registry.metrics()
  if (kinds.includes('m'))
    strictEqual(Number(/calls_total\{template="user:\{id\}",result="hit"\} (\S+)/.exec(text)?.[1]) > 100_000, true)
  // By the ratio of each round, because the machine may be half as fast in the next one.
  const [{ theirs: took = 0, ratio = 1 } = {}] = rows
  return took / ratio - took
}

async function hitsOf(kind: string | undefined, registry: Registry) {
  const cache = await cashews('none')
  if (kind === 'm') cache.use(metrics({ registry }))
  const load = cached(cache, { ttl: '1h', key: 'user:{id}' }, async (id: string) => userOf(id))
  for (const id of ids) await load(id)
  // A loop of its own for each, as everywhere: only here two contenders are made by one function.
  const loop = new Function('load', 'ids', 'return async () => { for (const id of ids) await load(id) }')
  return {
    name: String(kind),
    batch: loop(load, ids) as () => Promise<void>,
    async check() {
      strictEqual((await load('1')).id, '1')
    },
  }
}
