import { createWriteStream } from 'node:fs'
import { devNull } from 'node:os'
import type { Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { expect, it } from 'vitest'
import { Report } from '../../../apps/demo/src/print/report.ts'
import { loginSection } from '../../../apps/demo/src/sections/login.ts'
import { PATIENT } from '../support/patience.ts'
import { redisCluster } from '../support/redis/shared.ts'

it('the demo changes four keys together on a Cluster too', async () => {
  const namespace = `demo:${crypto.randomUUID()}:`
  await using cache = createCache().setup(redis({ cluster: redisCluster(), namespace }), PATIENT)
  const report = new Report(createWriteStream(devNull) as Writable as WriteStream)
  await loginSection.show({ cache, cities: [], report })
  expect(report).toMatchObject({ claims: 2, broken: [] })
})
