import { disk } from '@cashews/backend-disk'
import { memory } from '@cashews/backend-memory'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { loadCities } from '../cities/load-cities.ts'
import { liveService } from './live-service.ts'

const { CACHE_URL = 'mem://?size=10000', PORT = '3000' } = process.env

/** `pnpm demo:live`: serves the cities until it is stopped. */
async function serve(): Promise<void> {
  const cache = createCache({ drivers: [memory, redis, disk] }).setup(CACHE_URL, {
    readTimeout: '2s',
    writeTimeout: '2s',
  })
  await cache.ping() // a store that is away at the start means a wrong URL
  const { cities } = await loadCities()
  const app = await liveService(cache, cities)
  const stop = async () => {
    await app.close()
    await cache.close()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  console.log(`${cities.length} cities at ${await app.listen({ port: Number(PORT) })}`)
}

try {
  await serve()
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === undefined) throw error // a defect: its stack trace is worth reading
  console.error(`error: ${message}`)
  process.exit(1)
}
