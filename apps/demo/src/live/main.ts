import { memory } from '@cashews/backend-memory'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { loadCities } from '../cities/load-cities.ts'
import { liveService } from './live-service.ts'

/** `pnpm demo:live`: serves the cities until it is stopped. `PORT` is 3000, `CACHE_URL` the memory, unless they say. */
const cache = createCache({ drivers: [memory, redis] }).setup(process.env.CACHE_URL ?? 'mem://?size=10000')
const { cities } = await loadCities()
const app = await liveService(cache, cities)
const stop = async () => {
  await app.close()
  await cache.close()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

console.log(`${cities.length} cities at ${await app.listen({ port: Number(process.env.PORT ?? 3_000) })}`)
