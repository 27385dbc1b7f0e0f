import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memory } from '@cashews/backend-memory'
import { type Cache, createCache } from '@cashews/core'
import { cacheControl, cacheErrors, cacheResponse, etag, exchangeOf } from '@cashews/express'
import { cached, rateLimit } from '@cashews/strategies'
import express, { type Express } from 'express'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'

describe('the Express middlewares', () => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(memory())
  })
  afterEach(() => cache.close())

  const listen = async (app: Express): Promise<string> => {
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  it('leave files of express.static to it: their own tags, ranges and conditions', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cashews-static-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'file.txt'), 'content of a file')
    const url = `${await listen(express().use(etag(cache), cacheControl(cache)).use(express.static(folder)))}/file.txt`
    const whole = await fetch(url)
    expect(await whole.text()).toBe('content of a file')
    const part = await fetch(url, { headers: { range: 'bytes=0-6' } })
    expect([part.status, await part.text()]).toEqual([206, 'content'])
    const again = await fetch(url, { headers: { 'if-none-match': whole.headers.get('etag') as string } })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  it('leave an error that comes after the header to Express', async () => {
    const app = express().use(etag(cache), cacheControl(cache))
    app.get('/', cacheResponse(cache, { ttl: '1m' }), (_request, response) => {
      response.write('begun')
      throw new Error('expected')
    })
    app.set('env', 'test')
    const url = await listen(app)
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow()
    expect(await cache.getKeysCount()).toBe(0)
  })

  it('pass the errors of handlers on', async () => {
    const app = express().use(etag(cache), cacheControl(cache))
    app.get('/', cacheResponse(cache, { ttl: '1m' }), async () => {
      throw new Error('expected')
    })
    app.use(((error, _request, response, _next) => {
      response.status(418).send(error.message)
    }) as express.ErrorRequestHandler)
    const response = await fetch(await listen(app))
    expect([response.status, await response.text()]).toEqual([418, 'expected'])
  })

  it('answer the errors of limits', async () => {
    const limited = rateLimit(cache, { limit: 1, period: '1m', key: 'limit' }, async () => 'ok')
    const app = express()
    app.get('/', async (_request, response) => {
      response.send(await limited())
    })
    app.use(cacheErrors({ legacy: true }))
    const url = await listen(app)
    expect((await fetch(url)).status).toBe(200)
    const refused = await fetch(url)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('60')
    expect(refused.headers.get('x-ratelimit-limit')).toBe('1')
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(await refused.json()).toMatchObject({ status: 429 })
  })

  it('tell a handler what its cached functions did', async () => {
    const user = cached(cache, { ttl: '1m', key: 'user:{id}' }, async (id: string) => id)
    const app = express().use(cacheControl(cache))
    app.get('/', async (_request, response) => {
      await user('1')
      response.json(exchangeOf(response)?.detected().keys)
    })
    expect(await (await fetch(await listen(app))).json()).toEqual(['user:1'])
  })

  it('refresh through the whole application, mounted routers included', async () => {
    let calls = 0
    const router = express.Router()
    router.get('/page', cacheResponse(cache, { ttl: '1s', staleWhileRevalidate: '1m' }), (request, response) => {
      response.send(`${request.baseUrl} answer ${++calls} for ${request.get('x-user')}`)
    })
    const app = express()
    app.use('/shop', router)
    const url = `${await listen(app)}/shop/page`
    const text = async () => (await fetch(url, { headers: { 'x-user': 'ada' } })).text()
    expect(await text()).toBe('/shop answer 1 for ada')
    await expect.poll(text, { timeout: 10_000 }).toBe('/shop answer 2 for ada')
  })

  it('cache nothing under app.use, where a URL may be made up, unless told to', async () => {
    let calls = 0
    const app = express()
    app.use('/closed', cacheResponse(cache, { ttl: '1m' }))
    app.use('/open', cacheResponse(cache, { ttl: '1m', wildcard: true }))
    app.use((_request, response) => {
      response.send(`answer ${++calls}`)
    })
    const url = await listen(app)
    const texts = async (path: string) => [
      await (await fetch(url + path)).text(),
      await (await fetch(url + path)).text(),
    ]
    expect(await texts('/closed/a')).toEqual(['answer 1', 'answer 2'])
    expect(await texts('/open/a')).toEqual(['answer 3', 'answer 3'])
  })
})
