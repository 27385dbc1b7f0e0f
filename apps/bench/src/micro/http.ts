import { ok, strictEqual } from 'node:assert'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { cacheResponse } from '@cashews/express'
import { cashews as plugin } from '@cashews/fastify'
import caching from '@fastify/caching'
import apicache from 'apicache'
import express from 'express'
import Fastify from 'fastify'
import routeCache from 'route-cache'
import { cashews } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { HttpClient } from '../http-client.ts'

/** W1: a cached route beside the bare framework that sends a constant. What is timed is the thread of the servers. */
await run(async () => {
  const cache = await cashews()
  const client = new HttpClient()
  const page = JSON.stringify(Array.from({ length: 20 }, (_, id) => ({ id, name: `user ${id}`, active: true })))

  const fastify = Fastify()
  await fastify.register(plugin, { cache })
  await fastify.register(async (its) => {
    // It stores what the handler gives it, and adds Cache-Control. Its ETags are random.
    await its.register(caching, { privacy: caching.privacy.PRIVATE, expiresIn: 3_600 })
    its.get('/fastify-caching', (_request, reply) => {
      its.cache.get('page', (_error, kept) => {
        const { item } = (kept ?? {}) as { item?: string }
        if (item === undefined) its.cache.set('page', page, 3_600_000, () => {})
        reply.type('application/json; charset=utf-8').send(item ?? page)
      })
    })
  })
  fastify.get('/bare', (_request, reply) => reply.type('application/json; charset=utf-8').send(page))
  fastify.get('/cached', { config: { cashews: { ttl: '1h' } } }, (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(page),
  )
  const onFastify = await fastify.listen({ port: 0, host: '127.0.0.1' })

  const app = express()
  app.get('/bare', (_request, response) => {
    response.type('json').send(page)
  })
  app.get('/cached', cacheResponse(cache, { ttl: '1h' }), (_request, response) => {
    response.type('json').send(page)
  })
  app.get('/apicache', apicache.middleware('1 hour'), (_request, response) => {
    response.type('json').send(page)
  })
  app.get('/route-cache', routeCache.cacheSeconds(3_600), (_request, response) => {
    response.type('json').send(page)
  })
  const server: Server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const onExpress = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const operations = 200
  const route = (name: string, url: string, isHit?: (header: Headers) => boolean) => ({
    name,
    operations,
    batch: () => client.ask(url, operations),
    async check() {
      await fetch(url)
      const response = await fetch(url)
      strictEqual(await response.text(), page)
      if (isHit) ok(isHit(response.headers))
    },
  })
  const isOurHit = (headers: Headers) => headers.get('cache-status')?.includes('hit') ?? false
  const bar = { atLeast: 0.8, aim: 0.95 }
  const rows = [
    ...(await compare({
      lane: 'W1',
      what: 'a cached Fastify route',
      ours: route('cashews', `${onFastify}/cached`, isOurHit),
      peers: [
        { ...route('bare Fastify', `${onFastify}/bare`), bar },
        route('@fastify/caching', `${onFastify}/fastify-caching`),
      ],
    })),
    ...(await compare({
      lane: 'W1',
      what: 'a cached Express route',
      ours: route('cashews', `${onExpress}/cached`, isOurHit),
      peers: [
        { ...route('bare Express', `${onExpress}/bare`), bar },
        route('apicache', `${onExpress}/apicache`),
        route('route-cache', `${onExpress}/route-cache`),
      ],
    })),
  ]
  await client.close()
  await fastify.close()
  server.close()
  return rows
})
process.exit() // After concurrent requests apicache leaves timers of an hour.
