import { once } from 'node:events'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { memory } from '@cashews/backend-memory'
import { type Cache, createCache } from '@cashews/core'
import { type CashewsOptions, cashews } from '@cashews/fastify'
import { cached, rateLimit } from '@cashews/strategies'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'

describe('the Fastify plugin', () => {
  let cache: Cache
  let app: FastifyInstance
  const start = async (options: Omit<CashewsOptions, 'cache'> = {}) => {
    await app.register(cashews, { cache, ...options })
    return app
  }
  const statusOf = async (url: string) => (await app.inject(url)).headers['cache-status']

  beforeEach(() => {
    cache = createCache().setup(memory())
    app = Fastify()
  })
  afterEach(async () => {
    await app.close()
    await cache.close()
  })

  it('gives the application and each request their cache', async () => {
    await start({ cacheControl: true })
    const user = cached(cache, { ttl: '1m', key: 'user:{id}' }, async (id: string) => id)
    app.get('/', async (request) => {
      await user('1')
      return request.cashews.detected().keys
    })
    app.get('/none', async (request) => request.cashews.detected().keys)
    expect(app.cashews.cache).toBe(cache)
    expect((await app.inject('/')).json()).toEqual(['user:1'])
    expect((await app.inject('/none')).json()).toEqual([])
  })

  it('holds for the instance it is registered on and those below, and for no other', async () => {
    await app.register(async (inside) => {
      await inside.register(cashews, { cache, etag: true })
      inside.get('/inside', async () => 'page')
      await inside.register(async (below) => {
        below.get('/below', async () => 'page')
      })
    })
    app.get('/outside', async () => 'page')
    expect((await app.inject('/inside')).headers.etag).toBeDefined()
    expect((await app.inject('/below')).headers.etag).toBeDefined()
    expect((await app.inject('/outside')).headers.etag).toBeUndefined()
    expect(app).not.toHaveProperty('cashews')
  })

  it('sends no endless response for a stream that is destroyed by then', async () => {
    await start()
    app.get('/', { config: { cashews: { ttl: '1m' } } }, async (_request, reply) => {
      const content = Readable.from(['a', 'b'])
      content.destroy()
      await once(content, 'close')
      return reply.send(content)
    })
    expect((await app.inject('/')).statusCode).toBe(500)
  })

  it('closes the stream of a handler that nobody reads: its client has left, or a stored response stands in', async () => {
    await start()
    const endless = () =>
      new Readable({
        read() {
          setImmediate(() => this.push('part'))
        },
      })
    let [status, content] = [200, endless()]
    const config = { cashews: { ttl: '1m', staleIfError: '1h' } } as const
    app.get('/left', { config }, async (_request, reply) => reply.send(content))
    app.get('/failed', { config }, async (_request, reply) =>
      reply.code(status).send(status === 200 ? 'page' : content),
    )
    await app.listen({ port: 0, host: '127.0.0.1' })
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    const leaving = new AbortController()
    await fetch(`${url}/left`, { signal: leaving.signal })
    leaving.abort()
    await expect.poll(() => content.destroyed).toBe(true)

    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    onTestFinished(() => void vi.useRealTimers())
    await fetch(`${url}/failed`)
    vi.setSystemTime(Date.now() + 61_000)
    status = 503
    content = endless()
    expect(await (await fetch(`${url}/failed`)).text()).toBe('page')
    await expect.poll(() => content.destroyed).toBe(true)
  })

  it('stores nothing of a stream in whose place a later hook has had an error sent', async () => {
    await start()
    let fails = true
    const onSend = async (_request: unknown, _reply: unknown, content: unknown) => {
      if (!fails) return content
      fails = false
      throw new Error('expected')
    }
    app.get('/', { config: { cashews: { ttl: '1m' } }, onSend }, async (_request, reply) =>
      reply.send(Readable.from(['page'])),
    )
    expect((await app.inject('/')).statusCode).toBe(500)
    expect(await app.inject('/')).toMatchObject({ statusCode: 200, body: 'page' })
  })

  it('says so when it is registered twice, on one instance or below itself', async () => {
    await start()
    const twice = /already registered on this instance or a parent.*Register it once/
    await expect(app.register(cashews, { cache })).rejects.toThrow(twice)
    const other = Fastify()
    await other.register(cashews, { cache })
    other.register(async (below) => {
      await below.register(cashews, { cache })
    })
    await expect(other.ready()).rejects.toThrow(twice)
  })

  it('adds no hook to a route that asks for nothing', async () => {
    const routes: unknown[] = []
    await start()
    app.addHook('onRoute', ({ url, preHandler, onSend }) => {
      routes.push([url, preHandler, onSend])
    })
    app.get('/plain', { exposeHeadRoute: false }, async () => 'page')
    await app.ready()
    expect(routes).toEqual([['/plain', undefined, undefined]])
  })

  it('leaves the cache open when the application closes', async () => {
    await start({ etag: true })
    await app.close()
    await cache.set('key', 1)
    expect(await cache.get('key')).toBe(1)
  })

  it('looks for stored responses after every other preHandler', async () => {
    await start()
    let isAllowed = true
    const preHandler = vi.fn(async (_request, reply) => {
      if (!isAllowed) return reply.code(401).send('no')
    })
    app.get('/', { preHandler, config: { cashews: { ttl: '1m' } } }, async () => 'page')
    expect((await app.inject('/')).body).toBe('page')
    expect(await statusOf('/')).toContain('hit')
    isAllowed = false
    expect((await app.inject('/')).statusCode).toBe(401)
    expect(preHandler).toHaveBeenCalledTimes(3)
  })

  it('keeps what hooks set for this request, such as a cookie, on a hit', async () => {
    await start()
    app.addHook('onRequest', async (request, reply) => {
      reply.header('x-request', request.id)
    })
    app.get('/', { config: { cashews: { ttl: '1m' } } }, async () => 'page')
    await app.inject('/')
    const hit = await app.inject('/')
    expect(hit.headers['cache-status']).toContain('hit')
    expect(hit.headers['x-request']).toBeDefined()
  })

  it('stores what every onSend hook has made of a response, and no cookie of theirs', async () => {
    await start()
    let setsCookie = true
    app.addHook('onSend', async (_request, reply, payload) => {
      if (setsCookie) reply.header('set-cookie', 'session=ada')
      return `${payload} with a footer`
    })
    app.get('/', { config: { cashews: { ttl: '1m' } } }, async () => 'page')
    await app.inject('/')
    setsCookie = false
    expect(await statusOf('/')).toContain('stored')
    setsCookie = true
    expect((await app.inject('/')).body).toContain('page with a footer')
  })

  it('forgets a URL with all its variants', async () => {
    await start()
    app.get('/page', { config: { cashews: { ttl: '1m' } } }, async (_request, reply) => {
      reply.header('vary', 'accept')
      return 'page'
    })
    await app.inject('/page?a=1')
    expect(await statusOf('/page?a=1')).toContain('hit')
    expect(await app.cashews.forget('http://localhost:80/page?a=1')).toBe(true)
    expect(await app.cashews.forget('http://localhost:80/other')).toBe(false)
    expect(await statusOf('/page?a=1')).toContain('stored')
  })

  it('keeps apart what the versions of a route answer, and forgets all of them', async () => {
    await start()
    const config = { cashews: { ttl: '1m' } } as const
    for (const version of ['1.0.0', '2.0.0'])
      app.get('/', { config, constraints: { version } }, async () => `page of ${version}`)
    const get = async (version: string) => {
      const { body, headers } = await app.inject({ url: '/', headers: { host: 'a', 'accept-version': version } })
      return [body, headers['cache-status']]
    }
    for (const status of ['stored', 'hit'])
      for (const version of ['1.0.0', '2.0.0'])
        expect(await get(version)).toEqual([`page of ${version}`, expect.stringContaining(status)])
    expect(await get('2.x')).toEqual(['page of 2.0.0', expect.stringContaining('hit')])
    expect(await app.cashews.forget('http://a/')).toBe(true)
    for (const version of ['1.0.0', '2.0.0'])
      expect(await get(version)).toEqual([`page of ${version}`, expect.stringContaining('stored')])
  })

  it('keeps apart what the hosts of a route answer, whatever host a client says it was forwarded for', async () => {
    await app.close()
    app = Fastify({ trustProxy: true })
    await start()
    const config = { cashews: { ttl: '1m' } } as const
    for (const host of ['a.example', 'b.example'])
      app.get('/', { config, constraints: { host } }, async () => `page of ${host}`)
    for (const host of ['b.example', 'a.example', 'b.example', 'a.example'])
      expect((await app.inject({ url: '/', headers: { host, 'x-forwarded-host': 'a.example' } })).body).toBe(
        `page of ${host}`,
      )
    expect(await app.cashews.forget('http://a.example/')).toBe(true)
  })

  it('forgets a URL that came through a proxy, and one that changed by an overridden method', async () => {
    await app.close()
    app = Fastify({ trustProxy: true })
    await start()
    app.get('/page', { config: { cashews: { ttl: '1m' } } }, async () => 'page')
    app.post('/page', async () => 'changed')
    const headers = { 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' }
    const status = async () => (await app.inject({ url: '/page', headers })).headers['cache-status']
    await status()
    expect(await status()).toContain('hit')
    expect(await app.cashews.forget('https://shop.example/page')).toBe(true)
    expect(await status()).toContain('stored')
    await app.inject({ method: 'POST', url: '/page', headers: { ...headers, 'x-http-method-override': 'PATCH' } })
    expect(await status()).toContain('stored')
  })

  it('knows who asks as hooks before have found out', async () => {
    await start()
    app.decorateRequest('user', '')
    app.addHook('onRequest', async (request) => {
      Object.assign(request, { user: request.headers['x-user'] })
    })
    const varyBy = ({ raw }: { raw: FastifyRequest }) => (raw as { user?: string }).user
    app.get(
      '/',
      { config: { cashews: { ttl: '1m', varyBy } } },
      async (request) => `page of ${request.headers['x-user']}`,
    )
    for (const user of ['ada', 'bob', 'ada', 'bob'])
      expect((await app.inject({ url: '/', headers: { 'x-user': user } })).body).toBe(`page of ${user}`)
  })

  it.each(['hijack', 'end'])('lets nobody wait for a handler that answers by %s', async (way) => {
    await start()
    const opened = Promise.withResolvers<void>()
    let calls = 0
    app.get('/', { config: { cashews: { ttl: '1m' } } }, async (_request, reply) => {
      if (way === 'hijack') reply.hijack()
      reply.raw.writeHead(200).write(`answer ${++calls}`)
      if (way === 'hijack' && calls === 1) await opened.promise
      reply.raw.end()
      return reply
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const text = async () => (await fetch(`http://127.0.0.1:${port}`)).text()
    const first = text()
    if (way === 'end') await first
    await expect.poll(() => calls).toBe(1)
    expect(await text()).toBe('answer 2')
    opened.resolve()
    expect(await first).toBe('answer 1')
  })

  it('serves HTTP/2, takes no page from a request with content, and asks handlers whether what is stored is right', async () => {
    const server = Fastify({ http2: true })
    await server.register(cashews, { cache, etag: true, cacheControl: true })
    const asked: unknown[] = []
    const options = { ttl: '100ms', revalidate: true } as const
    server.get('/', { config: { cashews: options } }, async (request, reply) => {
      asked.push(request.headers['if-none-match'])
      return request.headers['if-none-match'] === '"v1"'
        ? reply.code(304).send()
        : reply.header('etag', '"v1"').send('page')
    })
    await server.listen({ port: 0, host: '127.0.0.1' })
    const client = connect(`http://127.0.0.1:${(server.server.address() as AddressInfo).port}`)
    const get = async (content?: string) => {
      const stream = client.request({ ':path': '/' }, { endStream: content === undefined })
      if (content !== undefined) stream.end(content)
      const [header] = await once(stream, 'response')
      let text = ''
      for await (const chunk of stream.setEncoding('utf8')) text += chunk
      return [header[':status'], text, header['cache-status']]
    }
    expect(await get('content that the page may depend on')).toEqual([200, 'page', 'cashews; fwd=bypass'])
    expect(await get()).toEqual([200, 'page', 'cashews; fwd=uri-miss; stored'])
    await expect.poll(() => get()).toEqual([200, 'page', 'cashews; fwd=stale; fwd-status=304; stored'])
    expect(asked).toEqual([undefined, undefined, '"v1"'])
    client.close()
    await server.close()
  })

  it('stores a web Response too', async () => {
    await start()
    const headers = { 'content-type': 'text/plain', 'x-a': 'b' }
    app.get('/', { config: { cashews: { ttl: '1m' } } }, async () => new Response('page', { headers, status: 200 }))
    await app.inject('/')
    const hit = await app.inject('/')
    expect(hit.headers).toMatchObject({ ...headers, 'cache-status': expect.stringContaining('hit') })
    expect(hit.body).toBe('page')
  })

  it('answers the errors of limits, if asked to, and leaves others to the handler before', async () => {
    app.setErrorHandler((_error, _request, reply) => reply.code(418).send('teapot'))
    await app.register(async (inside) => {
      await inside.register(cashews, { cache, errors: { policy: 'search' } })
      const limited = rateLimit(cache, { limit: 1, period: '1m', key: 'limit' }, async () => 'ok')
      inside.get('/limited', () => limited())
      inside.get('/broken', async () => {
        throw new Error('other')
      })
    })
    expect((await app.inject('/limited')).body).toBe('ok')
    const refused = await app.inject('/limited')
    expect(refused.statusCode).toBe(429)
    expect(refused.headers).toMatchObject({ 'retry-after': '60', 'ratelimit-policy': '"search";q=1' })
    expect(refused.json()).toMatchObject({ status: 429, 'violated-policies': ['search'] })
    expect((await app.inject('/broken')).statusCode).toBe(418)
  })

  it('leaves other errors to be logged once', async () => {
    const lines: { msg: string }[] = []
    app = Fastify({
      logger: { level: 'error', stream: { write: (line: string) => void lines.push(JSON.parse(line)) } },
    })
    await start({ errors: true })
    app.get('/broken', async () => {
      throw new Error('other')
    })
    expect((await app.inject('/broken')).json()).toMatchObject({ statusCode: 500, message: 'other' })
    expect(lines.map(({ msg }) => msg)).toEqual(['other'])
  })

  it('leaves what is thrown and is not an error to the handler before', async () => {
    await start({ errors: true })
    app.get('/broken', async () => {
      throw { reason: 'other' }
    })
    const { statusCode, body } = await app.inject('/broken')
    expect([statusCode, body]).toEqual([500, '{"reason":"other"}'])
  })

  it('leaves content that cannot be sent to Fastify, and treats its answer to that as any other', async () => {
    const onError = vi.fn()
    await using cache = createCache({ onError }).setup(memory())
    await app.register(cashews, { cache, etag: true, cacheControl: true })
    const config = { cashews: { ttl: '1m', statuses: [200, 404] } } as const
    for (const status of [200, 404])
      app.get(`/${status}`, { config }, (_request, reply) => reply.code(status).type('text/plain').send({ no: 'text' }))
    for (const url of ['/200', '/404']) {
      const { statusCode, headers } = await app.inject(url)
      expect([statusCode, headers['cache-control'], headers.etag]).toEqual([500, 'no-store', undefined])
    }
    expect(onError).not.toHaveBeenCalled()
  })

  it('leaves an answer to a POST that cannot be sent to Fastify', async () => {
    await start()
    app.get('/', { config: { cashews: { ttl: '1m' } } }, async () => 'page')
    app.post('/', async (_request, reply) => reply.type('text/plain').send({ an: 'object' }))
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/' })
    expect([statusCode, body]).toEqual([500, expect.stringContaining('FST_ERR_REP_INVALID_PAYLOAD_TYPE')])
  })

  it('makes a browser forget', async () => {
    await start({ clearSiteData: true })
    app.post('/logout', async (_request, reply) => reply.clearSiteData('cache', 'cookies').code(204).send())
    const { headers } = await app.inject({ method: 'POST', url: '/logout' })
    expect(headers['clear-site-data']).toBe('"cache", "cookies"')
  })

  describe('where config.cashews can do nothing', () => {
    const onError = vi.fn()
    const stored = { config: { cashews: { ttl: '1m' } } } as const
    beforeEach(() => {
      onError.mockReset()
      cache = createCache({ onError }).setup(memory())
    })

    it('refuses a route that is not for GET', async () => {
      await start()
      expect(() => app.post('/orders', stored, async () => 'made')).toThrow(
        'config.cashews of POST /orders has no effect: only responses to GET are stored. Remove it.',
      )
      app.route({ method: ['GET', 'POST'], url: '/both', ...stored, handler: async () => 'fine' })
    })

    it('reports a route that was added before it was loaded, once', async () => {
      app.register(cashews, { cache })
      app.get('/early', stored, async () => 'page')
      app.get('/plain', async () => 'page')
      await app.after()
      app.get('/later', { config: { cashews: { ttl: '1m' } } }, async () => 'page')
      for (const url of ['/early', '/early', '/plain', '/later', '/later'])
        expect((await app.inject(url)).body).toBe('page')
      expect(onError.mock.calls.map(([error]) => error.message)).toEqual([
        'config.cashews of GET /early does nothing: the route was added before @cashews/fastify was loaded. Write "await app.register(cashews, …)" before it.',
      ])
    })

    it('reports a wildcard that does not say whether it is meant', async () => {
      await start()
      app.get('/files/*', stored, async () => 'page')
      app.get('/never/*', { config: { cashews: { ttl: '1m', wildcard: false } } }, async () => 'page')
      expect(onError.mock.calls.map(([error]) => error.message)).toEqual([
        'config.cashews of /files/* does nothing: a client can make up any text for the *. Set wildcard: true to store its responses anyway.',
      ])
    })
  })

  it.each([
    [{ cache: undefined }, '@cashews/fastify takes a cache, such as createCache(), not undefined.'],
    [{ etags: true }, /^@cashews\/fastify takes the options \{ cache, etag, .* not etags\.$/],
    [
      { cacheControl: { public: 'page:*' } },
      "public must be true, false, or a list of globs such as ['product:*'], not",
    ],
    [{ clearSiteData: { allow: true } }, 'allow must be a function of a request, not true.'],
  ])('refuses %j, and says what it takes', async (options, message) => {
    await expect(async () => app.register(cashews, { cache, ...options } as never)).rejects.toThrow(message)
    app = Fastify()
  })

  it.each([{ responses: { wildcard: true } }, { responses: {} }])(
    'caches routes with a wildcard if told so: %j',
    async (options) => {
      await start(options)
      app.get('/any/*', { config: { cashews: { ttl: '1m' } } }, async () => 'page')
      await app.inject('/any/page')
      expect(Boolean(await statusOf('/any/page'))).toBe(options.responses.wildcard === true)
    },
  )

  it('refuses a route with options that cannot work', async () => {
    await start()
    const config = { cashews: { tll: '1m' } as never }
    expect(() => app.get('/', { config }, async () => 'page')).toThrow(/A cached route takes the options .* not tll/)
  })
})
