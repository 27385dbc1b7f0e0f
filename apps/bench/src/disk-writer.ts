import { disk } from '@cashews/backend-disk'
import { createCache } from '@cashews/core'
import { userOf } from './users.ts'

/** The program of a child process that writes to a directory as fast as it can, until it is killed. */
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
