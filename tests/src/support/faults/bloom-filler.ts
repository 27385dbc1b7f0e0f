/** The program of a child process that adds some of the elements: `bloom-filler.ts <url> <namespace> <from> <to>`. */
import { redis } from '@cashews/backend-redis'
import { bloom } from '@cashews/bloom'
import { createCache } from '@cashews/core'
import { PATIENT } from '../patience.ts'

const [url = '', namespace = '', from = '0', to = '0'] = process.argv.slice(2)
await using cache = createCache()
cache.setup(redis({ url, namespace }), PATIENT)
const exists = bloom(cache, { name: 'million', capacity: 1_000_000 }, async (_email: string) => true)
await exists.setMany(
  (function* () {
    for (let at = Number(from); at < Number(to); at++) yield `user${at}@example.com`
  })(),
)
