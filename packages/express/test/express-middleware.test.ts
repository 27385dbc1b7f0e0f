import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memory } from '@cashews/backend-memory'
import { type Cache, CommandError, createCache } from '@cashews/core'
import {
  cacheControl,
  cacheErrors,
  cacheResponse,
  clearSiteData,
  type Exchange,
  etag,
  exchangeOf,
  forgetResponse,
  invalidateResponses,
} from '@cashews/express'
import { cached, rateLimit } from '@cashews/strategies'
import express, { type Express } from 'express'
// @ts-expect-error It comes without types; those of Express 5 do here.
import express4 from 'express4'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'

describe.each([
  ['5', express],
  ['4', express4 as unknown as typeof express],
])('the middlewares of Express %s', (version, express) => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(memory())
  })
  afterEach(() => cache.close())

  /** Lets a test see what is reported. */
  const listenForErrors = () => {
    const onError = vi.fn<(error: unknown) => void>()
    cache = createCache({ onError }).setup(memory())
    return () => onError.mock.calls.map(([error]) => (error as Error).message)
  }

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

  it('drop a stored response for Clear-Site-Data with no-cache, in whatever order they stand', async () => {
    const middlewares = [cacheControl(cache), clearSiteData(cache, { allow: () => true })]
    const clearing = { 'clear-site-data': '"cache"', 'cache-control': 'no-cache' }
    for (const order of [middlewares, middlewares.toReversed()]) {
      const app = express().use(order)
      let status = 200
      app.get(
        '/',
        cacheResponse(cache, { ttl: '1m' }),
        (_request, response) => void response.status(status).end('answer'),
      )
      const url = await listen(app)
      await fetch(url)
      status = 500
      expect((await fetch(url, { headers: clearing })).status).toBe(500)
      expect((await fetch(url)).status).toBe(500)
    }
  })

  it('store a response once, and revalidate it, where two stand before its handler', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const asked = vi.fn()
    const app = express().use(cacheResponse(cache, { ttl: '1m', revalidate: true, wildcard: true, prefix: 'outer' }))
    app.get('/', cacheResponse(cache, { ttl: '1m', revalidate: true }), ({ headers }, response) => {
      asked(headers['if-none-match'])
      response
        .set('etag', '"one"')
        .status(headers['if-none-match'] === '"one"' ? 304 : 200)
        .end('answer')
    })
    const url = await listen(app)
    for (let times = 0; times < 2; times++) {
      expect(await (await fetch(url)).text()).toBe('answer')
      vi.setSystemTime(Date.now() + 90_000)
    }
    expect(asked.mock.calls).toEqual([[undefined], ['"one"']])
  })

  it('follow the functions of the cache that each is given, whichever stands first', async () => {
    const pages = createCache().setup(memory())
    onTestFinished(() => pages.close())
    const load = vi.fn(async () => 'answer')
    const get = cached(cache, { ttl: '1m', key: 'answer' }, load)
    const app = express().use(etag(pages), cacheControl(cache))
    app.get('/', async (_request, response) => void response.send(await get()))
    const url = await listen(app)
    expect((await fetch(url)).headers.get('cache-control')).toMatch(/^private, max-age=\d+$/)
    await fetch(url, { headers: { 'cache-control': 'no-cache' } })
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('invalidate what a POST changes in all the ways that responses of its URL are stored', async () => {
    let price = '1'
    const ways = [{ prefix: 'one' }, { prefix: 'other' }]
    const stored = ways.map((way) => cacheResponse(cache, { ttl: '1m', ...way }))
    const app = express().use(ways.map((way) => invalidateResponses(cache, way)))
    app.get('/', (request, response, next) => stored[Number(request.headers.way)]?.(request, response, next))
    app.get('/', (_request, response) => void response.send(price))
    app.post('/', (_request, response) => void response.send('done'))
    const url = await listen(app)
    const ask = (way: string) => fetch(url, { headers: { way } }).then((response) => response.text())
    const askAll = async () => [await ask('0'), await ask('1')]
    expect(await askAll()).toEqual(['1', '1'])
    price = '2'
    expect(await askAll()).toEqual(['1', '1'])
    await fetch(url, { method: 'POST' })
    expect(await askAll()).toEqual(['2', '2'])
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
    app.get('/', cacheResponse(cache, { ttl: '1m' }), () => {
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
    app.get('/', (_request, response, next) => {
      limited().then((text) => response.send(text), next)
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

  it('refuse a cache where errors take none', () => {
    expect(() => cacheErrors(cache as never)).toThrow('cacheErrors takes the options { policy, legacy }, not name.')
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
    await expect.poll(text).toBe('/shop answer 2 for ada')
  })

  it('refresh with a request that has the version and the raw fields of the one it repeats', async () => {
    const told: unknown[] = []
    const app = express()
    app.get('/', cacheResponse(cache, { staleWhileRevalidate: '1m' }), (request, response) => {
      const { httpVersionMajor, httpVersionMinor, rawHeaders } = request
      told.push([httpVersionMajor, httpVersionMinor, rawHeaders[rawHeaders.indexOf('x-user') + 1]])
      response.set('cache-control', 'max-age=0').send('page')
    })
    const url = await listen(app)
    for (let nth = 0; nth < 2; nth++) await (await fetch(url, { headers: { 'x-user': 'ada' } })).text()
    await expect
      .poll(() => told)
      .toEqual([
        [1, 1, 'ada'],
        [1, 1, 'ada'],
      ])
  })

  it('refresh again when a handler has broken off its response, and do not wait for it', async () => {
    const app = express()
    let count = 0
    app.get('/', cacheResponse(cache, { staleWhileRevalidate: '1h' }), (_request, response) => {
      if (++count === 2) response.destroy()
      else response.set('cache-control', 'max-age=0').send(`page ${count}`)
    })
    const url = await listen(app)
    await expect.poll(async () => (await fetch(url)).text()).toBe('page 3')
  })

  it('refresh through a handler that sets a limit of time to its connection', async () => {
    const app = express()
    let count = 0
    app.get('/', cacheResponse(cache, { staleWhileRevalidate: '1m' }), (request, response) => {
      request.setTimeout(1_000)
      response.setTimeout(1_000)
      response.set('cache-control', 'max-age=0').send(`page ${++count}`)
    })
    const url = await listen(app)
    await expect.poll(async () => (await fetch(url)).text()).toBe('page 2')
  })

  it('refresh through the application that theirs is mounted on', async () => {
    let calls = 0
    const shop = express()
    shop.get('/page', cacheResponse(cache, { ttl: '1s', staleWhileRevalidate: '1m' }), (request, response) => {
      response.send(`answer ${++calls} for ${(request as { user?: string }).user}`)
    })
    const app = express()
    app.use((request, _response, next) => {
      Object.assign(request, { user: 'ada' })
      next()
    })
    app.use('/shop', shop)
    const url = `${await listen(app)}/shop/page`
    const text = async () => (await fetch(url)).text()
    expect(await text()).toBe('answer 1 for ada')
    await expect.poll(text).toBe('answer 2 for ada')
  })

  it('tell apart what routers answer for the same path below different ones', async () => {
    const router = express.Router()
    router.get('/page', cacheResponse(cache, { ttl: '1m' }), (request, response) => {
      response.send(`page of ${request.baseUrl}`)
    })
    const url = await listen(express().use('/a', router).use('/b', router))
    for (const path of ['/a', '/b', '/a'])
      expect(await (await fetch(`${url}${path}/page`)).text()).toBe(`page of ${path}`)
  })

  it('forget a URL with all its variants, through a proxy too, when told to', async () => {
    const app = express().set('trust proxy', 'loopback')
    app.get('/page', cacheResponse(cache, { ttl: '1m' }), (_request, response) => {
      response.vary('accept-language').send('page')
    })
    const url = await listen(app)
    const headers = { 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https' }
    const states = async () => {
      const all = ['de', 'en'].map((language) => ({ ...headers, 'accept-language': language }))
      const got = await Promise.all(all.map((headers) => fetch(`${url}/page?a=1`, { headers })))
      return got.map((response) => response.headers.get('cache-status')?.replace(/ttl=.*/, ''))
    }
    await states()
    await states()
    expect(await states()).toEqual(['cashews; hit; ', 'cashews; hit; '])
    expect(await forgetResponse(cache, 'https://shop.example/page?a=2')).toBe(false)
    expect(await forgetResponse(cache, 'https://shop.example/page?a=1')).toBe(true)
    expect(await states()).not.toContain('cashews; hit; ')
    for (const wrong of ['/page', 'shop.example/page', ''])
      await expect(forgetResponse(cache, wrong)).rejects.toThrow(CommandError)
  })

  it('cache nothing under app.use, where a URL may be made up, unless told to, and report that once', async () => {
    let calls = 0
    const reported = listenForErrors()
    const app = express()
    app.use('/never', cacheResponse(cache, { ttl: '1m', wildcard: false }))
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
    expect(await texts('/closed/a?token=secret')).toEqual(['answer 1', 'answer 2'])
    expect(await texts('/open/a')).toEqual(['answer 3', 'answer 3'])
    expect(await texts('/never/a')).toEqual(['answer 4', 'answer 5'])
    expect(reported()).toEqual([
      'cacheResponse does nothing for /closed/a: it is under app.use or a wildcard, where clients can make up URLs. Put it on a route, as in app.get(path, cacheResponse(…), handler), or set wildcard: true to store such responses anyway.',
    ])
  })

  it('cache each path of a list, unless one is a wildcard, or a regular expression', async () => {
    let calls = 0
    const reported = listenForErrors()
    const app = express()
    const rest = version === '4' ? '*' : '*rest'
    const answer: express.RequestHandler = (_request, response) => {
      response.send(`answer ${++calls}`)
    }
    app.get(['/a', '/b'], cacheResponse(cache, { ttl: '1m' }), answer)
    app.get(['/c', `/d/${rest}`], cacheResponse(cache, { ttl: '1m' }), answer)
    app.get(/^\/e\/.+/, cacheResponse(cache, { ttl: '1m' }), answer)
    const url = await listen(app)
    const texts = []
    for (const path of ['/a', '/a', '/b', '/b', '/c', '/c', '/e/f', '/e/f'])
      texts.push(await (await fetch(url + path)).text())
    expect(texts).toEqual([
      'answer 1',
      'answer 1',
      'answer 2',
      'answer 2',
      'answer 3',
      'answer 4',
      'answer 5',
      'answer 6',
    ])
    expect(reported()).toHaveLength(2)
  })

  it('keep apart what is asked by host and port, and by what a trusted proxy says of them', async () => {
    const app = express().set('trust proxy', 'loopback')
    app.get('/', cacheResponse(cache, { ttl: '1m', debug: true }), (_request, response) => {
      response.send('page')
    })
    const url = await listen(app)
    const keyOf = async (headers = {}) => (await fetch(url, { headers })).headers.get('cache-status')
    expect(await keyOf()).toContain(`key="http:${url}/"`)
    const forwarded = { 'x-forwarded-host': 'shop.example, inner', 'x-forwarded-proto': 'https' }
    expect(await keyOf(forwarded)).toContain('key="http:https://shop.example/ x-forwarded-host=')
  })

  it('store nothing that a session middleware adds a cookie to when it is sent', async () => {
    const app = express()
    let sessions = 0
    app.use((request, response, next) => {
      const { writeHead } = response
      response.writeHead = ((...args: Parameters<typeof writeHead>) => {
        if (!request.headers.cookie) response.setHeader('set-cookie', `session=${++sessions}`)
        return writeHead.apply(response, args)
      }) as typeof writeHead
      next()
    })
    let calls = 0
    const handlers: Record<string, express.RequestHandler> = {
      '/whole': (_request, response) => {
        response.send(`answer ${++calls}`)
      },
      '/stream': (_request, response) => {
        response.write('answer ')
        response.end(String(++calls))
      },
    }
    for (const [path, handler] of Object.entries(handlers)) app.get(path, cacheResponse(cache, { ttl: '1m' }), handler)
    const url = await listen(app)
    for (const path of ['/whole', '/stream'])
      for (let nth = 0; nth < 2; nth++)
        expect((await fetch(url + path)).headers.get('cache-status')).not.toContain('hit')
    expect(await cache.getKeysCount()).toBe(0)
    expect([calls, sessions]).toEqual([4, 4])
  })

  it('send a response of which it turns out late that nobody can say whether it may be stored', async () => {
    const errors: unknown[] = []
    await using cache = createCache({ onError: (error) => errors.push(error) }).setup(memory())
    let asked = 0
    const statuses = () => {
      if (++asked > 1) throw new Error('expected')
      return true
    }
    const app = express()
    app.get('/', cacheResponse(cache, { ttl: '1m', statuses }), (_request, response) => {
      response.send('page')
    })
    const url = await listen(app)
    for (let nth = 1; nth <= 2; nth++) {
      expect(await (await fetch(url)).text()).toBe('page')
      await expect.poll(() => errors).toEqual(Array(nth).fill(new Error('expected')))
    }
    expect(await cache.getKeysCount()).toBe(0)
  })

  describe('leave what Node refuses to send to the error handler,', () => {
    const refused: Record<string, express.RequestHandler> = {
      'a status that is none': (_request, response) => {
        response.statusCode = 0
        response.send('page')
      },
      'a status that is none, given with the header': (_request, response) => {
        response.writeHead(0).end('page')
      },
      'content that is no text and no bytes': (_request, response) => {
        response.end({ page: 1 })
      },
      'a part of content that is none': (_request, response) => {
        response.write(undefined)
        response.end()
      },
      'a part in an encoding that is none': (_request, response) => {
        response.write('page', 'none' as 'utf8')
        response.end()
      },
    }

    it.each(Object.keys(refused))('and store nothing: %s', async (what) => {
      const errors: unknown[] = []
      await using cache = createCache({ onError: (error) => errors.push(error) }).setup(memory())
      const app = express().use(etag(cache), cacheControl(cache), invalidateResponses(cache))
      const handler = refused[what] as express.RequestHandler
      app.get('/', cacheResponse(cache, { ttl: '1m' }), handler)
      app.post('/', handler)
      app.use(((_error, _request, response, _next) => {
        response.status(500).send('failed')
      }) as express.ErrorRequestHandler)
      const url = await listen(app)
      for (const method of ['GET', 'GET', 'POST']) {
        const answer = await fetch(url, { method })
        expect([answer.status, await answer.text()]).toEqual([500, 'failed'])
        if (method === 'GET') expect(answer.headers.get('cache-control')).toBe('no-store')
      }
      expect(await cache.getKeysCount()).toBe(0)
      expect(errors).toEqual([])
    })
  })

  it('make nobody wait for a response that Node has not let end', async () => {
    const app = express().set('env', 'test').use(invalidateResponses(cache))
    const handler: express.RequestHandler = (_request, response) => {
      response.strictContentLength = true
      response.set('content-length', '5').end('four')
    }
    app.get('/', cacheResponse(cache, { ttl: '1m' }), handler).post('/', handler)
    const url = await listen(app)
    for (const method of ['GET', 'GET', 'POST']) await expect(fetch(url, { method })).rejects.toThrow()
  })

  it('give up a response that has not ended a minute after its client has left', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    await using cache = createCache().setup(memory())
    const [leaving, left] = [new AbortController(), Promise.withResolvers<void>()]
    let exchange: Exchange | undefined
    const app = express()
    app.get('/', cacheResponse(cache, { ttl: '1m' }), (_request, response) => {
      exchange = exchangeOf(response)
      response.once('close', left.resolve)
    })
    const url = await listen(app)
    const asked = fetch(url, { signal: leaving.signal }).catch(() => 'left')
    await expect.poll(() => exchange).toBeDefined()
    leaving.abort()
    await Promise.all([asked, left.promise])
    await vi.advanceTimersByTimeAsync(59_000)
    expect(exchange?.isRecording).toBe(true)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(exchange?.isRecording).toBe(false)
  })

  it('know who asks as the middlewares before have found out', async () => {
    const app = express()
    app.use((request, _response, next) => {
      Object.assign(request, { user: request.get('x-user') })
      next()
    })
    const varyBy = ({ raw }: { raw: express.Request }) => (raw as { user?: string }).user
    app.get('/', cacheResponse(cache, { ttl: '1m', varyBy }), (request, response) => {
      response.send(`page of ${request.get('x-user')}`)
    })
    const url = await listen(app)
    for (const user of ['ada', 'bob', 'ada', 'bob'])
      expect(await (await fetch(url, { headers: { 'x-user': user } })).text()).toBe(`page of ${user}`)
    const again = await fetch(url, { headers: { 'x-user': 'ada' } })
    expect(again.headers.get('cache-status')).toContain('hit')
  })
})
