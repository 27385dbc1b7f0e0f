import { setTimeout as wait } from 'node:timers/promises'
import { disk } from '@cashews/backend-disk'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { createTags } from '@cashews/tags'
import { type TransactionMode, transaction } from '@cashews/transactions'
import { PATIENT } from '../patience.ts'
import { countUp } from './count-up.ts'

/** A task for a child process. */
export interface Work {
  readonly store: { readonly url: string; readonly namespace: string } | { readonly directory: string }
  readonly mode?: TransactionMode
  /** `count`: increments concurrently, `times` times. `hold`: writes, and stays in its transaction. `untag`: deletes tags. */
  readonly role: 'count' | 'hold' | 'untag'
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
