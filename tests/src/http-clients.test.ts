import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type OutgoingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect, createServer as createHttp2Server, createSecureServer } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { memory } from '@cashews/backend-memory'
import { type Cache, createCache } from '@cashews/core'
import { cashews } from '@cashews/fastify'
import { type CachingListenerOptions, cachingListener, forgetResponse } from '@cashews/http'
import express from 'express'
import Fastify from 'fastify'
import { Agent, cacheStores, interceptors, request } from 'undici'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { distantStore, gate } from './support/helpers.ts'
import { ask, frameworks, type Running, serveBare } from './support/web.ts'

/** Clients that cache by themselves. */
describe.each(frameworks)('$name, asked by a client with a cache', ({ serve }) => {
  it('lets it keep what it may, and spares it the content after that', async () => {
    const cache = createCache().setup(memory())
    const answering = (cacheControl: string) =>
      vi.fn(() => ({ body: 'page', headers: { 'cache-control': cacheControl, 'content-type': 'text/plain' } }))
    const [kept, asked] = [answering('private, max-age=60'), answering('private, no-cache')]
    const routes = [
      { path: '/kept', answer: kept },
      { path: '/asked', answer: asked },
    ]
    const server = await serve({ cache, etag: true, routes })
    const store = new cacheStores.MemoryCacheStore()
    const client = new Agent().compose(interceptors.cache({ store, type: 'private' }))
    onTestFinished(async () => {
      await client.close()
      await server.close()
      await cache.close()
    })
    const text = async (path: string) => (await request(`${server.url}${path}`, { dispatcher: client })).body.text()
    for (const path of ['/kept', '/asked']) expect([await text(path), await text(path)]).toEqual(['page', 'page'])
    expect(kept).toHaveBeenCalledTimes(1)
    expect(asked).toHaveBeenCalledTimes(2)
    const [again] = asked.mock.calls.at(-1) as unknown as [{ headers: Record<string, string> }]
    expect(again.headers['if-none-match']).toMatch(/^W\//)
  })

  it('answers curl as it answers Node', async () => {
    const run = promisify(execFile)
    const hasCurl = await run('curl', ['--version']).then(
      () => true,
      () => false,
    )
    if (!hasCurl) return
    const cache = createCache().setup(memory())
    const server = await serve({
      cache,
      compress: true,
      routes: [
        {
          path: '/',
          cached: { ttl: '1m' },
          answer: () => ({ body: 'page '.repeat(999), headers: { 'content-type': 'text/plain' } }),
        },
      ],
    })
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    const curl = async (...args: string[]) =>
      (await run('curl', ['-s', '-S', '-i', '--compressed', ...args, server.url])).stdout
    await curl()
    const hit = await curl()
    expect(hit).toContain('page page')
    expect(hit).toMatch(/cache-status: cashews; hit/i)
    const [, tag] = hit.match(/etag: (.*)\r/i) ?? []
    expect(await curl('-H', `If-None-Match: ${tag}`)).toMatch(/^HTTP\/1.1 304/)
  })
})

describe('a bare server', () => {
  it('has all the rules', async () => {
    const cache = createCache().setup(memory())
    let calls = 0
    const options = { etag: true, cacheControl: true, responses: { ttl: '1m' } } as const
    const server = await serveBare(cache, options, (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      response.end(`answer ${++calls}`)
    })
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    const first = await fetch(server.url)
    expect(first.headers.get('etag')).toMatch(/^W\//)
    expect([await first.text(), await (await fetch(server.url)).text()]).toEqual(['answer 1', 'answer 1'])
    const again = await ask(server.url, { headers: { 'if-none-match': first.headers.get('etag') as string } })
    expect(again.status).toBe(304)
    const head = await ask(server.url, { method: 'HEAD' })
    expect([head.text, head.headers['content-length'], head.headers['cache-status']]).toEqual([
      '',
      first.headers.get('content-length'),
      expect.stringContaining('hit'),
    ])
  })

  it('has no tag of no content for a HEAD whose handler leaves the content out', async () => {
    const cache = createCache().setup(memory())
    const server = await serveBare(cache, { etag: true }, ({ method }, response) => {
      response.end(method === 'HEAD' ? undefined : 'page')
    })
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    expect((await ask(server.url)).headers.etag).toMatch(/^W\//)
    expect((await ask(server.url, { method: 'HEAD' })).headers).not.toHaveProperty('etag')
  })

  it.each([
    ['in turn', [['Content-Type', 'text/plain', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2']]],
    [
      'in pairs',
      [
        [
          ['Content-Type', 'text/plain'],
          ['Set-Cookie', ['a=1', 'b=2']],
        ],
      ],
    ],
    ['after no reason phrase', [undefined, { 'Content-Type': 'text/plain', 'Set-Cookie': ['a=1', 'b=2'] }]],
  ])('sends every field that writeHead is given %s, in place of those set before', async (_, given) => {
    const cache = createCache().setup(memory())
    const server = await serveBare(cache, { etag: true }, (_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.writeHead(200, ...(given as [undefined, OutgoingHttpHeaders])).end('page')
    })
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    const { headers } = await ask(server.url)
    expect(headers).toMatchObject({ 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'] })
  })

  it.each([
    ['piped', (source: Readable, response: ServerResponse) => finished(source.pipe(response), { readable: false })],
    ['in a pipeline', (source: Readable, response: ServerResponse) => pipeline(source, response)],
  ])('lets a stream that is %s end, though a 304 or a stored response is sent in its place', async (_, sendFrom) => {
    const cache = createCache().setup(memory())
    const sent: Promise<unknown>[] = []
    async function* parts() {
      for (let at = 0; at < 99; at++) {
        yield 'page '
        await setImmediate()
      }
    }
    let status = 200
    const options = { etag: true, responses: { ttl: '1m', staleIfError: '1h' } } as const
    const server = await serveBare(cache, options, ({ url }, response) => {
      response.statusCode = status
      response.setHeader('etag', '"v1"')
      if (url === '/stale') response.setHeader('cache-control', 'max-age=0, stale-if-error=60')
      const source = Readable.from(parts())
      sent.push(finished(source), sendFrom(source, response))
    })
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    const ifChanged = { headers: { 'if-none-match': '"v1"' } }
    expect(await ask(server.url, ifChanged)).toMatchObject({ status: 304, text: '' })
    await ask(`${server.url}/stale`)
    status = 503
    const { headers, text } = await ask(`${server.url}/stale`)
    expect([headers['cache-status'], text]).toEqual([expect.stringContaining('fwd-status=503'), 'page '.repeat(99)])
    await Promise.all(sent)
    expect(sent).toHaveLength(6)
  })

  it('refuses a second header, as Node does, and sends the first', async () => {
    const cache = createCache().setup(memory())
    let refused: unknown
    const options = { etag: true, cacheControl: true, responses: { ttl: '1m' } } as const
    const server = await serveBare(cache, options, (_request, response) => {
      response.writeHead(203, { 'content-type': 'text/plain' })
      try {
        response.writeHead(500)
      } catch (error) {
        refused = error
      }
      response.end('page')
    })
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    expect(await ask(server.url)).toMatchObject({ status: 203, text: 'page' })
    expect(refused).toMatchObject({ code: 'ERR_HTTP_HEADERS_SENT' })
  })

  it.each([0, false, Number.NaN])('ends at %s without content, as Node does', async (nothing) => {
    const cache = createCache().setup(memory())
    const server = await serveBare(cache, { etag: true, responses: { ttl: '1m' } }, ({ url }, response) => {
      if (url === '/header') response.writeHead(200, { 'content-type': 'text/plain' })
      response.end(nothing)
    })
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    for (const path of ['/', '/header'])
      for (const told of ['stored', 'hit'])
        expect(await ask(server.url + path)).toMatchObject({
          status: 200,
          text: '',
          headers: { 'content-length': '0', 'cache-status': expect.stringContaining(told) },
        })
  })

  it.each(['GET', 'HEAD'])('leaves what its handler throws at a %s to the process, as Node does', async (method) => {
    const [uncaught, reported, handler] = [vi.fn(), vi.fn(), vi.fn()]
    process.setUncaughtExceptionCaptureCallback(uncaught)
    const cache = createCache({ onError: reported }).setup(memory())
    const server = await serveBare(cache, { responses: { ttl: '1m' } }, () => {
      handler()
      throw new Error('expected')
    })
    onTestFinished(async () => {
      process.setUncaughtExceptionCaptureCallback(null)
      await server.close()
      await cache.close()
    })
    const leaving = new AbortController()
    fetch(server.url, { method, signal: leaving.signal }).catch(() => undefined)
    await expect.poll(() => uncaught.mock.calls).toEqual([[new Error('expected')]])
    leaving.abort()
    expect(handler).toHaveBeenCalledTimes(1)
    expect(reported).not.toHaveBeenCalled()
  })

  it('serves HTTP/2 as well: the same bytes again, and to each host its own', async () => {
    const cache = createCache().setup(memory())
    const options = { etag: true, responses: { ttl: '1m' } } as const
    const get = await overHttp2(cache, options, (request, response) => {
      response.setHeader('content-type', 'text/plain')
      if (request.url === '/parts') response.write('page of ')
      response.end(`page of ${request.headers[':authority']}`)
    })
    for (const path of ['/whole', '/parts'])
      for (const status of ['stored', 'hit'])
        for (const host of ['a.example', 'b.example'])
          expect(await get({ ':path': path, ':authority': host })).toEqual([
            `${path === '/parts' ? 'page of ' : ''}page of ${host}`,
            expect.stringContaining(status),
          ])
    expect(await forgetResponse(cache, 'http://a.example/whole')).toBe(true)
  })

  it('stores nothing for a client that names two hosts over HTTP/2', async () => {
    const cache = createCache().setup(memory())
    const get = await overHttp2(cache, { responses: { ttl: '1m' } }, ({ headers }, response) => {
      response.end(`page of ${headers.host ?? headers[':authority']}`)
    })
    await get({ ':authority': 'a.example', host: 'b.example' })
    expect(await cache.getKeysCount()).toBe(0)
    await get({ ':authority': 'a.example', host: 'a.example' })
    expect(await get({ ':authority': 'a.example' })).toEqual(['page of a.example', expect.stringContaining('hit')])
  })

  it('takes no page from a request over HTTP/2 that brings content, which no field has to tell', async () => {
    const cache = createCache().setup(memory())
    const get = await overHttp2(cache, { responses: { ttl: '1m' } }, (request, response) => {
      request.pipe(response)
    })
    expect(await get({}, 'evil')).toEqual(['evil', 'cashews; fwd=bypass'])
    expect(await get({})).toEqual(['', expect.stringContaining('stored')])
    expect(await get({}, 'mine')).toEqual(['mine', 'cashews; fwd=bypass'])
  })

  it('refreshes over HTTP/2 with a request of that version, so that a proxy leaves out its pseudo-fields', async () => {
    const cache = createCache().setup(memory())
    const origin = createServer((_request, response) => void response.end()).listen(0, '127.0.0.1')
    await once(origin, 'listening')
    onTestFinished(() => void origin.close())
    const { port } = origin.address() as AddressInfo
    let nth = 0
    const options = { responses: { staleWhileRevalidate: '1h' } } as const
    const get = await overHttp2(cache, options, async ({ httpVersionMajor, headers }, response) => {
      const sent = Object.entries(headers).filter(([name]) => httpVersionMajor < 2 || !name.startsWith(':'))
      try {
        await fetch(`http://127.0.0.1:${port}`, { headers: Object.fromEntries(sent) as Record<string, string> })
        response.setHeader('cache-control', 'max-age=0')
      } catch {
        response.statusCode = 502
      }
      response.end(`answer ${++nth} for ${headers[':authority']}`)
    })
    const fields = { ':authority': 'a.example' }
    expect((await get(fields))[0]).toBe('answer 1 for a.example')
    await expect.poll(async () => (await get(fields))[0]).toMatch(/answer [23] for a.example/)
  })

  it('sends over HTTP/2 what waits for an invalidation, and what stands in for a failure', async () => {
    const cache = createCache().setup(memory())
    const options = { responses: { ttl: '1m', staleIfError: '1h' } } as const
    let status = 200
    const ask = await overHttp2(cache, options, ({ method }, response) => {
      response.statusCode = status
      response.setHeader('cache-control', 'max-age=0, stale-if-error=60')
      response.end(`${method} ${status}`)
    })
    expect(await ask({ ':method': 'POST' })).toEqual(['POST 200', expect.stringContaining('fwd=method')])
    expect(await ask({})).toEqual(['GET 200', expect.stringContaining('stored')])
    status = 503
    expect(await ask({})).toEqual(['GET 200', expect.stringContaining('fwd-status=503')])
  })

  it('tells apart what a router around it has cut the URL down to', async () => {
    const cache = createCache().setup(memory())
    const listener = cachingListener(cache, { responses: { ttl: '1m' } }, (request, response) => {
      response.end(`page of ${(request as { originalUrl?: string }).originalUrl}`)
    })
    const server = express().use('/a', listener).use('/b', listener).listen(0, '127.0.0.1')
    onTestFinished(async () => {
      server.close()
      await cache.close()
    })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (const path of ['/a/x', '/b/x', '/a/x'])
      expect((await ask(`http://127.0.0.1:${port}${path}`)).text).toBe(`page of ${path}`)
  })
})

describe('a server of HTTP/2 over TLS', () => {
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', '-', '-out', '-']
  const pem = execFileSync('openssl', [...made, ...subject], { stdio: ['ignore', 'pipe', 'ignore'] }).toString()
  const secure = { key: pem, cert: pem }

  const connectionsOf = (server: Server) => promisify(server.getConnections).call(server)

  /** Answers with how often it was called, and the scheme of the request. */
  const starts: Record<string, (cache: Cache) => Promise<Running & { connections(): Promise<number> }>> = {
    async bare(cache) {
      let calls = 0
      const listener = cachingListener(
        cache,
        { responses: { ttl: '1s', staleWhileRevalidate: '1h' } },
        ({ socket }, response) => {
          response.end(`answer ${++calls} by ${'encrypted' in socket ? 'https' : 'http'}`)
        },
      )
      const server = createSecureServer(secure, listener as never).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const close = async () => server.close()
      const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
      return { url, close, connections: () => connectionsOf(server) }
    },
    async Fastify(cache) {
      let calls = 0
      const app = Fastify({ http2: true, https: secure })
      await app.register(cashews as never, { cache })
      const config = { cashews: { ttl: '1s', staleWhileRevalidate: '1h' } } as const
      app.get('/', { config }, async ({ protocol }) => `answer ${++calls} by ${protocol}`)
      const url = await app.listen({ port: 0, host: '127.0.0.1' })
      return { url, close: () => app.close(), connections: () => connectionsOf(app.server) }
    },
  }

  it.each(Object.keys(starts))('refreshes what is stale for a client that has left by then: %s', async (name) => {
    const cache = createCache().setup(distantStore())
    const server = await (starts[name] as (typeof starts)[string])(cache)
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    const get = async () => {
      const client = connect(server.url, { ca: pem })
      let text = ''
      for await (const chunk of client.request({}).setEncoding('utf8')) text += chunk
      client.close()
      return text
    }
    expect(await get()).toBe('answer 1 by https')
    await expect.poll(get).toBe('answer 2 by https')
    expect(await cache.getKeysCount()).toBe(1)
  })

  it.each(Object.keys(starts))(
    'refreshes what is stale for a client that leaves while it is read: %s',
    async (name) => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
      const [reading, left] = [gate(), gate()]
      let isLeaving = false
      const cache = createCache()
        .setup(memory())
        .use(async (call, next) => {
          const value = await next(call)
          if (call.command !== 'get' || !isLeaving) return value
          isLeaving = false
          reading.open()
          await left.promise
          return value
        })
      const server = await (starts[name] as (typeof starts)[string])(cache)
      onTestFinished(async () => {
        vi.useRealTimers()
        await server.close()
        await cache.close()
      })
      const get = async (client: ClientHttp2Session) => {
        let text = ''
        for await (const chunk of client.request({}).setEncoding('utf8')) text += chunk
        return text
      }
      const leaving = connect(server.url, { ca: pem })
      expect(await get(leaving)).toBe('answer 1 by https')
      vi.setSystemTime(Date.now() + 2_000)
      isLeaving = true
      const asked = get(leaving).catch(() => 'left')
      await reading.promise
      leaving.destroy()
      await asked
      await expect.poll(server.connections).toBe(0)
      left.open()
      const staying = connect(server.url, { ca: pem })
      onTestFinished(() => staying.destroy())
      await expect.poll(() => get(staying)).toBe('answer 2 by https')
      expect(await cache.getKeysCount()).toBe(1)
    },
  )
})

/** Serves a handler over HTTP/2. Returns a function that sends a request, and reads the text and the Cache-Status of the response. */
async function overHttp2(cache: Cache, options: CachingListenerOptions, handler: RequestListener) {
  const server = createHttp2Server(cachingListener(cache, options, handler) as never).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    client.close()
    server.close()
    await cache.close()
  })
  return async (fields: Record<string, string>, content?: string) => {
    const stream = client.request(fields, { endStream: content === undefined })
    if (content !== undefined) stream.end(content)
    const [header] = await once(stream, 'response')
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    return [text, header['cache-status']]
  }
}
