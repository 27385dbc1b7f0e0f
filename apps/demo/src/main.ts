import { disk } from '@cashews/backend-disk'
import { memory } from '@cashews/backend-memory'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { type OnError, run } from './run.ts'
import { coldAndWarm } from './sections/cold-and-warm.ts'
import { detection } from './sections/detection.ts'
import { earlyRefresh } from './sections/early-refresh.ts'
import { expiry } from './sections/expiry.ts'
import { failingHandler } from './sections/failing-handler.ts'
import { failingUpstream } from './sections/failing-upstream.ts'
import { hitRatio } from './sections/hit-ratio.ts'
import { invalidation } from './sections/invalidation.ts'
import { loginSection } from './sections/login.ts'
import { nearAtHand } from './sections/near-at-hand.ts'
import { overtakenLoad } from './sections/overtaken-load.ts'
import { limits } from './sections/rate-limit.ts'
import { stampede } from './sections/stampede.ts'
import { warmStart } from './sections/warm-start.ts'

const drivers = [memory, redis, disk] // what CACHE_URL may name
const url = process.env.CACHE_URL ?? 'mem://?size=10000'

const contents = [
  ...(/^mem:/i.test(url) ? [] : [warmStart]),
  coldAndWarm,
  hitRatio,
  stampede,
  expiry,
  invalidation,
  overtakenLoad,
  earlyRefresh,
  failingUpstream,
  limits,
  failingHandler,
  loginSection,
  detection,
  ...(/[?&]client_?side=(?:1|true|yes|on)\b/i.test(url) ? [nearAtHand] : []),
]

// The scans of this demo keep the process so busy that reads would miss the usual budget of 100 ms.
const patient = { readTimeout: '2s', writeTimeout: '2s' } as const

const connect = (onError: OnError) => createCache({ drivers, onError }).setup(url, patient)
process.exitCode = await run(contents, process.argv.slice(2), connect)
