import { readFile } from 'node:fs/promises'
import type { Cache } from '@cashews/core'
import { cashews } from '@cashews/fastify'
import Fastify, { type FastifyInstance } from 'fastify'
import type { City } from '../cities/city.ts'
import { CityFinder } from '../cities/city-finder.ts'
import { cityService } from '../cities/city-service.ts'

const text = { type: 'string', minLength: 1, maxLength: 50 }
const degrees = { type: 'number', minimum: -180, maximum: 180 }

/** The cities as a web service: cached functions, a route with stored responses, and a page that shows both. */
export async function liveService(cache: Cache, cities: readonly City[]): Promise<FastifyInstance> {
  const finder = new CityFinder(cities)
  const { near, search } = cityService(cache, finder)
  const page = await readFile(new URL('page.html', import.meta.url), 'utf8')

  const app = Fastify({ forceCloseConnections: true })
  await app.register(cashews, { cache, etag: true, cacheControl: { cacheStatus: true, serverTiming: true } })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-scans', finder.scans)
  })

  app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(page))

  app.get<{ Querystring: { text: string } }>(
    '/search',
    { schema: { querystring: { type: 'object', required: ['text'], properties: { text } } } },
    ({ query }) => search(query.text),
  )
  app.get<{ Querystring: { lat: number; lon: number } }>(
    '/near',
    {
      schema: { querystring: { type: 'object', required: ['lat', 'lon'], properties: { lat: degrees, lon: degrees } } },
    },
    ({ query }) => near(query.lat, query.lon),
  )
  app.get('/largest', { config: { cashews: { ttl: '5s', staleWhileRevalidate: '10s' } } }, () => finder.search(''))
  return app
}
