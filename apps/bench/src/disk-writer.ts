import { disk } from '@cashews/backend-disk'
import { createCache } from '@cashews/core'
import { userOf } from './users.ts'

/** Writes to the directory it is given, as fast as it can, until it is ended. */
const cache = createCache().setup(disk({ directory: process.argv[2] as string }), {
  suppress: false,
  writeTimeout: '10s',
})
await cache.set('writer', process.pid)
process.stdout.write('writing\n')
for (let at = 0; ; at++) {
  await cache.set(`user:${at % 1_000}`, userOf(String(at)), { ttl: '1h' })
  await new Promise((resolve) => setImmediate(resolve))
}
