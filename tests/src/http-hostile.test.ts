import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as later } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { memory } from '@cashews/backend-memory'
import { type Cache, createCache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ask, frameworks, type TestApp, type TestRoute } from './support/web.ts'

const setups = frameworks.flatMap(({ name, serve }) => [
  { name, serve, compress: false },
  { name: `${name} behind compression`, serve, compress: true },
])

/** What others may try against a cache, and what one user could get of another. */
describe.each(setups)('$name, in a hostile world', ({ serve, compress }) => {
  let cache: Cache
  let errors: unknown[]
  beforeEach(() => {
    errors = []
    cache = createCache({ onError: (error) => errors.push(error) }).setup(memory())
  })
  afterEach(async () => {
    await cache.close()
    expect(errors).toEqual([])
  })

  const start = async (app: Omit<TestApp, 'cache' | 'compress'>): Promise<string> => {
    const running = await serve({ cache, compress, ...app })
    onTestFinished(async () => {
      await running.close()
    })
    return running.url
  }

  /** Sends bytes as they are, and answers with what comes back until the connection ends. */
  const raw = async (url: string, text: string): Promise<string> => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.end(text)
    let got = ''
    for await (const chunk of socket.setEncoding('latin1')) got += chunk
    return got
  }

  /** A route that says what it was asked. */
  const echo = (more: Partial<TestRoute> = {}) => {
    const answer = vi.fn<TestRoute['answer']>(({ headers, url }) => ({
      headers: { 'content-type': 'text/plain' },
      body: `${url} of ${headers['x-forwarded-host'] ?? headers.host} for ${headers.authorization ?? headers.cookie ?? 'nobody'}`,
    }))
    return { path: '/page', cached: { ttl: '1m' }, answer, ...more } as const
  }

  it('gives 200 users at once what is theirs, on routes that are cached, tagged and steered', async () => {
    const profile = cached(cache, { ttl: '1m', key: 'profile:{name}' }, async (name: string) => `profile of ${name}`)
    const answer: TestRoute['answer'] = async ({ headers, url }) => {
      const name = String(headers.authorization ?? headers.cookie ?? 'nobody')
      await later(Math.random() * 10)
      const body = `${await profile(name)} at ${url}`
      return { body, headers: { 'content-type': 'text/plain', 'x-owner': `${name} ${url}` } }
    }
    const varyBy: NonNullable<TestRoute['cached']>['varyBy'] = ({ fields }) => fields.authorization as string
    const url = await start({
      etag: true,
      cacheControl: true,
      routes: [
        { path: '/stored/:id', cached: { ttl: '1m' }, answer },
        { path: '/own/:id', cached: { ttl: '1m', varyBy }, answer },
        { path: '/plain/:id', answer },
      ],
    })
    const requests = Array.from({ length: 200 }, (_, at) => {
      const who = [{}, { authorization: `ada ${at % 7}` }, { cookie: `session=${at % 5}` }][at % 3]
      return { path: `/${['stored', 'own', 'plain'][at % 3]}/${at % 4}`, headers: who as Record<string, string> }
    })
    const shuffled = [...requests, ...requests, ...requests].sort(() => Math.random() - 0.5)
    const tags = new Map<string, string>()
    const got = await Promise.all(
      shuffled.map(async ({ path, headers }, at) => {
        const leaving = at % 10 === 0 ? raw(url, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).catch(() => '') : undefined
        const answered = await ask(url + path, { headers: { 'accept-encoding': 'gzip', ...headers } })
        await leaving
        return answered
      }),
    )
    for (const [at, { path, headers }] of shuffled.entries()) {
      const name = headers.authorization ?? headers.cookie ?? 'nobody'
      const { body, headers: fields } = got[at] ?? expect.fail()
      const text = fields['content-encoding'] === 'gzip' ? gunzipSync(body).toString() : body.toString()
      expect([text, fields['x-owner']]).toEqual([`profile of ${name} at ${path}`, `${name} ${path}`])
      const owner = `${name} ${path}`
      if (tags.has(owner)) expect(fields.etag).toBe(tags.get(owner))
      tags.set(owner, fields.etag as string)
    }
  })

  it.each([
    ['X-Forwarded-Host', 'evil.example'],
    ['X-Forwarded-Port', '1'],
    ['X-Forwarded-Scheme', 'nothing'],
    ['X-Host', 'evil.example'],
    ['X-Original-URL', '/admin'],
    ['X-Rewrite-URL', '/admin'],
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-Method-Override', 'DELETE'],
    ['Forwarded', 'host=evil.example'],
    ['Host', 'evil.example'],
    ['Host', 'user@evil.example'],
  ])('keeps what %s: %s makes of a page from everybody else', async (name, value) => {
    const route = echo()
    const url = await start({ routes: [route] })
    await ask(`${url}/page`, { headers: { [name]: value } })
    const others = await ask(`${url}/page`)
    expect(others.headers['cache-status']).not.toContain('hit')
    expect(others.headers.age).toBeUndefined()
    expect(route.answer).toHaveBeenCalledTimes(2)
  })

  it('takes no page from a request that brings content, as it may depend on that', async () => {
    const route = echo()
    const url = await start({ routes: [route] })
    const got = await raw(
      url,
      `GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nevil`,
    )
    expect(got).toContain('fwd=bypass')
    const host = { headers: { host: 'a' } }
    expect((await ask(`${url}/page`, host)).headers['cache-status']).toContain('fwd=uri-miss')
    expect((await ask(`${url}/page`, host)).headers['cache-status']).toContain('hit')
  })

  it('keeps apart what differs in case, slashes, fragments, encoding or form of the URL', async () => {
    const route = echo({ path: '/:any' })
    const url = await start({ routes: [route, { ...route, path: '/:any/:other' }] })
    const host = new URL(url).host
    const seen = new Map<string, string>()
    for (const path of [
      '/page',
      '/PAGE',
      '/page?',
      '/page?#a',
      '/page?a=1;b=2&c=3',
      '/page?c=3&a=1;b=2',
      '/page?a[]=1&a[0]=2',
      '/page?a[0]=2&a[]=1',
      '/page?a=1&%61=2',
      '/page?%61=2&a=1',
      '/page%2f',
      '//page',
      `http://${host}/page`,
      'http://evil.example/page',
    ]) {
      const got = await raw(url, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      expect(got, path).not.toContain('cashews; hit')
      seen.set(path, got)
    }
    const hit = await raw(url, `GET /page HTTP/1.1\r\nHost: ${host.toUpperCase()}\r\nConnection: close\r\n\r\n`)
    expect(hit).toContain('cashews; hit')
    expect(hit).toContain('/page of')
  })

  it('ignores no parameter that hides another', async () => {
    const route = echo({ cached: { ttl: '1m', ignoreQuery: ['utm_*'] } })
    const url = await start({ routes: [route] })
    await ask(`${url}/page?utm_a=1;callback=evil`)
    expect((await ask(`${url}/page?utm_a=1`)).headers['cache-status']).not.toContain('hit')
  })

  it('answers a request without a host, one of HTTP/1.0, and one with a host that is none', async () => {
    const change: TestRoute = { path: '/page', method: 'POST', answer: () => ({ headers: { location: '/page' } }) }
    const url = await start({ routes: [echo(), change] })
    for (const line of ['GET /page HTTP/1.0', 'POST /page HTTP/1.0']) {
      expect(await raw(url, `${line}\r\n\r\n`)).toMatch(/^HTTP\/1.1 200/)
      expect(await raw(url, `${line}\r\nHost: a b/c\r\n\r\n`)).toMatch(/^HTTP\/1.1 200/)
    }
  })

  it('is asked with long and repeated fields', async () => {
    const url = await start({ etag: true, cacheControl: true, routes: [echo()] })
    const { etag } = (await ask(`${url}/page`)).headers
    const many = Array.from({ length: 700 }, (_, at) => `W/"${at}"`).join(', ')
    const lines = [
      `If-None-Match: ${many}`,
      `If-None-Match: ${etag}`,
      `Cache-Control: max-age=60${',a="b,c"'.repeat(900)}`,
    ]
    const host = new URL(url).host
    const got = await raw(
      url,
      `GET /page HTTP/1.1\r\nHost: ${host}\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`,
    )
    expect(got).toMatch(/^HTTP\/1.1 304/)
    const twice = ['Authorization: one', 'Authorization: two', 'Cookie: a=1', 'Cookie: session=2']
    const own = await raw(
      url,
      `GET /page HTTP/1.1\r\nHost: ${host}\r\n${twice.join('\r\n')}\r\nConnection: close\r\n\r\n`,
    )
    expect(own).not.toContain('cashews; hit')
  })

  it.each([
    [{ range: 'bytes=0-1' }, 200],
    [{ range: 'bytes=0-1', 'if-range': '"x"' }, 200],
    [{ range: 'bytes=9999-' }, 200],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"x"' }, 200],
    [{ 'if-none-match': '"x"', 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' }, 200],
    [{ 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' }, 304],
    [{ 'if-modified-since': 'yesterday' }, 200],
    [{ range: 'bytes=0-1', 'if-none-match': '*' }, 304],
  ] as const)('answers %j from what is stored with %i', async (headers, status) => {
    const answer = vi.fn<TestRoute['answer']>(() => ({ body: 'page', headers: { 'content-type': 'text/plain' } }))
    const url = await start({ routes: [{ path: '/', cached: { ttl: '1m' }, answer }] })
    await ask(url)
    const got = await ask(url, { headers })
    expect([got.status, got.text]).toEqual([status, status === 200 ? 'page' : ''])
    expect(got.headers['cache-status']).toContain('hit')
    expect(answer).toHaveBeenCalledTimes(1)
  })

  it.each([
    { 'if-match': '"x"' },
    { 'if-unmodified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' },
    { 'transfer-encoding': 'chunked' },
    { 'content-length': '2' },
    { connection: 'Upgrade', upgrade: 'websocket' },
  ])('leaves %j to the handler', async (headers) => {
    const route = echo()
    const url = await start({ routes: [route] })
    await ask(`${url}/page`)
    const got = await ask(`${url}/page`, { headers: headers as Record<string, string> })
    expect(got.headers['cache-status']).toBe('cashews; fwd=bypass')
    expect(route.answer).toHaveBeenCalledTimes(2)
  })

  it('never sends a 304 with fields of a content', async () => {
    const before: TestApp['before'] = (_request, set) => set('content-type', 'text/html')
    const answer: TestRoute['answer'] = () => ({ body: 'page' })
    const url = await start({ before, routes: [{ path: '/', cached: { ttl: '1m' }, answer }] })
    await ask(url)
    const got = await ask(url, { headers: { 'if-none-match': '*' } })
    expect(got.status).toBe(304)
    for (const name of ['content-type', 'content-length']) expect(got.headers).not.toHaveProperty(name)
  })

  it('answers with the fields that stand before the handler as they are for this request', async () => {
    let nth = 0
    const before: TestApp['before'] = ({ headers }, set) => {
      set('x-request-id', `request ${++nth}`)
      set('access-control-allow-origin', String(headers.origin))
      set('vary', 'Origin')
    }
    const url = await start({ before, routes: [echo()] })
    for (const [at, origin] of ['http://a', 'http://b', 'http://a', 'http://b'].entries()) {
      const { headers } = await ask(`${url}/page`, { headers: { origin } })
      expect(headers).toMatchObject({
        'x-request-id': `request ${at + 1}`,
        'access-control-allow-origin': origin,
        vary: expect.stringMatching(/^Origin/i),
      })
      expect(headers['cache-status']).toContain(at < 2 ? 'stored' : 'hit')
    }
  })

  it('answers with what the handler has made of a field that stood before it', async () => {
    const before: TestApp['before'] = (_request, set) => set('x-frame-options', 'DENY')
    const answer: TestRoute['answer'] = () => ({ body: 'page', headers: { 'x-frame-options': 'SAMEORIGIN' } })
    const url = await start({ before, routes: [{ path: '/', cached: { ttl: '1m' }, answer }] })
    for (const told of ['stored', 'hit']) {
      const { headers } = await ask(url)
      expect(headers['x-frame-options']).toBe('SAMEORIGIN')
      expect(headers['cache-status']).toContain(told)
    }
  })

  it('lets nobody who reads slowly make others wait', async () => {
    const size = 8 * 1_024 ** 2
    const answer = vi.fn<TestRoute['answer']>(() => ({
      headers: { 'content-type': 'application/octet-stream' },
      body: Readable.from(Array.from({ length: size / 65_536 }, () => Buffer.alloc(65_536, 1))),
    }))
    const url = await start({ routes: [{ path: '/', cached: { ttl: '1m', maxBytes: 2 * size }, answer }] })
    const { hostname, port, host } = new URL(url)
    const slow = connect(Number(port), hostname)
    onTestFinished(() => void slow.destroy())
    slow.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    await once(slow, 'readable') // and nothing is read
    const others = await Promise.all(Array.from({ length: 3 }, () => ask(url)))
    for (const { body } of others) expect(body.length).toBe(size)
    await expect.poll(async () => (await ask(url)).headers['cache-status']).toContain('hit')
  })

  it('refreshes what is stale as the client asked for it, through the proxy that is trusted', async () => {
    let at: string[] = []
    const answer: TestRoute['answer'] = ({ headers, socket }) => {
      at = [...at, `${headers['x-forwarded-host']} ${socket.remoteAddress}`]
      return { body: `answer ${at.length}`, headers: { 'content-type': 'text/plain', 'cache-control': 'max-age=1' } }
    }
    const cachedFor = { ttl: '1s', staleWhileRevalidate: '1m' } as const
    const url = await start({ trustProxy: '127.0.0.1', routes: [{ path: '/', cached: cachedFor, answer }] })
    const headers = { 'x-forwarded-host': 'shop.example', 'x-forwarded-for': '10.0.0.7', 'x-forwarded-proto': 'https' }
    await ask(url, { headers })
    await expect.poll(async () => (await ask(url, { headers })).text).toBe('answer 2')
    expect(new Set(at)).toEqual(new Set(['shop.example 127.0.0.1']))
  })
})
