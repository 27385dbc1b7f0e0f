import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { makeHistory } from '../history.ts'
import { PATIENT } from '../patience.ts'

// The program of a child process that runs random transactions, and prints what they did.
const [url = '', namespace = '', name = '', mode = '', runs = ''] = process.argv.slice(2)
const cache = createCache().setup(redis({ url, namespace }), PATIENT)
const keys = ['a', 'b', 'c', 'd', 'e']
const histories = await Promise.all(
  ['1', '2'].map((part) =>
    makeHistory(cache, `${name}${part}`, { keys, runs: Number(runs), mode: mode as 'locked' | 'serializable' }),
  ),
)
console.log(JSON.stringify(histories.flat()))
await cache.close()
