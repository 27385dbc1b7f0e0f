import { setTimeout as wait } from 'node:timers/promises'
import { disk } from '@cashews/backend-disk'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { cached, rateLimit, slidingRateLimit } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { type TransactionMode, transaction } from '@cashews/transactions'
import { PATIENT } from '../patience.ts'
import { countUp } from './count-up.ts'

/** A task for a child process. */
export interface Work {
  readonly store: { readonly url: string; readonly namespace: string } | { readonly directory: string }
  readonly mode?: TransactionMode
  /**
   * `count`: increments concurrently, `times` times. `hold`: writes, and stays in its transaction. `untag`: deletes tags.
   * `load`: calls a cached function concurrently once there is a key `go`. `limit`: calls functions with limits then.
   */
  readonly role: 'count' | 'hold' | 'untag' | 'load' | 'limit'
  readonly times?: number
}

/** The program of the child process: `transacting.ts <Work as JSON>`. */
const { store, mode = 'locked', role, times = 0 } = JSON.parse(process.argv[2] ?? '{}') as Work
const cache = createCache().setup('url' in store ? redis(store) : disk({ ...store, shards: 1 }), PATIENT)

if (role === 'count') {
  const runs = await countUp(cache, mode, times)
  console.log(JSON.stringify({ runs }))
  await cache.close()
}

if (role === 'hold')
  await transaction(
    cache,
    async () => {
      await cache.set('a', 'held')
      await cache.set('b', 'held')
      console.log('inside')
      await wait(1_000)
    },
    { mode, timeout: '2s' },
  ).then(
    () => console.log('committed'),
    (error) => console.log(error.code),
  )

if (role === 'untag') {
  const tags = createTags(cache)
  const names = Array.from({ length: 1_000 }, (_, at) => `t${at}`)
  console.log('ready')
  await tags.delete(...names)
  console.log('deleted')
}

const told = async () => {
  console.log('ready')
  while (!(await cache.get('go'))) await wait(2)
}

if (role === 'load') {
  const load = cached(cache, { ttl: '1m', key: 'loaded', lock: { ttl: '1s', wait: '30s' } }, async () => {
    console.log('loading')
    await wait(500)
    return process.pid
  })
  await told()
  const results = new Set(await Promise.all(Array.from({ length: times }, () => load())))
  console.log([...results].join())
  await cache.close()
}

if (role === 'limit') {
  const options = { limit: 100, period: '10m', key: '{name}', args: ['name'] } as const
  const limited = [
    rateLimit(cache, options, async (_name: string) => {}),
    slidingRateLimit(cache, options, async (_name: string) => {}),
  ]
  await told()
  const names = ['fixed', 'sliding']
  const allowed = limited.map(async (call, at) => {
    const calls = Array.from({ length: times }, () => call(names[at] ?? ''))
    return (await Promise.allSettled(calls)).filter(({ status }) => status === 'fulfilled').length
  })
  console.log(JSON.stringify(await Promise.all(allowed)))
  await cache.close()
}
