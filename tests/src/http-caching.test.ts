import { Readable } from 'node:stream'
import { setTimeout as later } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { memory } from '@cashews/backend-memory'
import { reference } from '@cashews/conformance'
import { type Cache, createCache } from '@cashews/core'
import type { HttpRequest } from '@cashews/http'
import { cached, early, rateLimit } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { gate } from './support/helpers.ts'
import { ask, frameworks, type TestApp, type TestRoute } from './support/web.ts'

/** The time of the caches stands still, and moves by hand. Sockets keep their own. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) })
})
afterEach(() => {
  vi.useRealTimers()
})
const elapse = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1_000)

describe.each(frameworks)('HTTP caching with $name', ({ serve }) => {
  let cache: Cache
  let errors: unknown[]
  beforeEach(() => {
    errors = []
    cache = createCache({ onError: (error) => errors.push(error) }).setup(memory({ checkInterval: Infinity } as never))
  })
  afterEach(async () => {
    await cache.close()
    expect(errors).toEqual([])
  })

  /** Starts an application, and stops it after the test. */
  const start = async (app: Omit<TestApp, 'cache'>): Promise<string> => {
    const running = await serve({ cache, ...app })
    onTestFinished(async () => {
      await running.close()
    })
    return running.url
  }

  /** A route that tells how often its handler ran. */
  const counting = (route: Partial<TestRoute> = {}) => {
    const calls = vi.fn()
    const answer: TestRoute['answer'] = async (request) => {
      calls()
      return {
        headers: { 'content-type': 'text/plain' },
        ...(await route.answer?.(request)),
        body: `answer ${calls.mock.calls.length}`,
      }
    }
    return { path: '/', cached: { ttl: '1m' }, ...route, answer, calls } as const
  }
  const startCounting = async (route?: Partial<TestRoute>) => {
    const { calls, ...counted } = counting(route)
    return { url: await start({ routes: [counted] }), calls }
  }

  /** Starts an application with one stored route. */
  const startCached = (answer: TestRoute['answer']) => start({ routes: [{ path: '/', cached: { ttl: '1m' }, answer }] })

  describe('an entity tag', () => {
    const pages: TestRoute[] = [
      { path: '/a', answer: () => ({ body: 'content of a' }) },
      { path: '/b', answer: () => ({ body: 'content of b' }) },
      { path: '/denied', answer: () => ({ status: 401, body: 'content of a' }) },
      { path: '/broken', answer: () => ({ status: 500, body: 'content of a' }) },
      { path: '/post', method: 'POST', answer: () => ({ body: 'content of a' }) },
    ]

    it('is that of what is sent, and spares sending it again', async () => {
      const url = await start({ etag: true, routes: pages })
      const first = await ask(`${url}/a`)
      expect(first.headers.etag).toMatch(/^W\/"/)
      const again = await ask(`${url}/a`, { headers: { 'if-none-match': first.headers.etag as string } })
      expect([again.status, again.text]).toEqual([304, ''])
      const other = await ask(`${url}/a`, { headers: { 'if-none-match': '"else"' } })
      expect([other.status, other.text, other.headers.etag]).toEqual([200, 'content of a', first.headers.etag])
    })

    it('of one resource is worth nothing for another, for an error, or for a POST', async () => {
      const url = await start({ etag: true, routes: pages })
      const headers = { 'if-none-match': (await ask(`${url}/a`)).headers.etag as string }
      expect((await ask(`${url}/b`, { headers })).status).toBe(200)
      for (const list of [headers['if-none-match'], '*']) {
        const conditional = { headers: { 'if-none-match': list } }
        expect((await ask(`${url}/denied`, conditional)).status).toBe(401)
        expect((await ask(`${url}/broken`, conditional)).status).toBe(500)
        const posted = await ask(`${url}/post`, { method: 'POST', ...conditional })
        expect([posted.status, posted.text]).toEqual([200, 'content of a'])
      }
    })

    it('is found in a list, weak or not, and in a star', async () => {
      const url = await start({ etag: true, routes: pages })
      const tag = (await ask(`${url}/a`)).headers.etag as string
      const strong = tag.replace('W/', '')
      for (const list of [tag, strong, `"x", ${tag}`, `"x",${strong} ,"y"`, '*'])
        expect((await ask(`${url}/a`, { headers: { 'if-none-match': list } })).status).toBe(304)
      for (const list of ['"x"', 'x', strong.slice(1), `w/${strong}`, ',,', '""'])
        expect((await ask(`${url}/a`, { headers: { 'if-none-match': list } })).status).toBe(200)
    })

    it('leaves a 304 all that a cache has to know', async () => {
      const told = {
        vary: 'Accept',
        'cache-control': 'max-age=5',
        date: 'Thu, 01 Jan 2026 00:00:00 GMT',
        'content-location': '/b',
        expires: 'Fri, 02 Jan 2026 00:00:00 GMT',
      }
      const headers = { ...told, 'content-type': 'text/plain; charset=utf-8', 'content-language': 'en' }
      const url = await start({ etag: true, routes: [{ path: '/', answer: () => ({ headers, body: 'content' }) }] })
      const { etag } = (await ask(url)).headers
      const notModified = await ask(url, { headers: { 'if-none-match': etag as string } })
      expect(notModified.status).toBe(304)
      expect(notModified.headers).toMatchObject({ ...told, etag })
      for (const name of [
        'content-type',
        'content-language',
        'content-length',
        'content-encoding',
        'transfer-encoding',
      ])
        expect(notModified.headers).not.toHaveProperty(name)
    })

    it('is weak and the same for every content coding, which Vary tells, in a 304 too', async () => {
      const body = 'a content that can be compressed '.repeat(100)
      const page = { path: '/', answer: () => ({ headers: { 'content-type': 'text/plain' }, body }) }
      const own = { path: '/own', answer: () => ({ headers: { 'content-type': 'text/plain', etag: '"own"' }, body }) }
      const url = await start({ etag: true, compress: true, routes: [page, own] })
      const decode = { gzip: gunzipSync, br: brotliDecompressSync, identity: (bytes: Buffer) => bytes }
      for (const path of ['/', '/own']) {
        const tags = new Set<unknown>()
        for (const [coding, decoded] of Object.entries(decode)) {
          const got = await ask(url + path, { headers: { 'accept-encoding': coding } })
          expect(decoded(got.body).toString()).toBe(body)
          expect(got.headers.vary?.toLowerCase()).toContain('accept-encoding')
          tags.add(got.headers.etag)
          const again = await ask(url + path, {
            headers: { 'accept-encoding': coding, 'if-none-match': got.headers.etag as string },
          })
          expect([again.status, again.body.length, again.headers.vary?.toLowerCase()]).toEqual([
            304,
            0,
            expect.stringContaining('accept-encoding'),
          ])
          expect(again.headers).not.toHaveProperty('content-encoding')
        }
        expect([...tags]).toEqual([expect.stringMatching(/^W\//)])
      }
    })

    it('is not made of what comes in parts, which is not held back', async () => {
      const second = gate()
      const answer = () => ({
        body: Readable.from(
          (async function* () {
            yield 'first '
            await second.promise
            yield 'second'
          })(),
        ),
      })
      const url = await start({ etag: true, routes: [{ path: '/', answer }] })
      const response = await fetch(url)
      const reader = (response.body as ReadableStream<Uint8Array>).getReader()
      expect(Buffer.from((await reader.read()).value as Uint8Array).toString()).toBe('first ')
      second.open()
      expect(Buffer.from((await reader.read()).value as Uint8Array).toString()).toBe('second')
      expect(response.headers.get('etag')).toBeNull()
    })

    it('belongs to its own response among 200 at once', async () => {
      const answer: TestRoute['answer'] = async (request) => {
        await later(Math.random() * 20)
        return { body: `content of ${request.url}`, headers: { 'x-url': request.url as string } }
      }
      const url = await start({ etag: true, routes: [{ path: '/:id', answer }] })
      const alone = new Map<string, unknown>()
      for (let id = 0; id < 10; id++) alone.set(`/${id}`, (await ask(`${url}/${id}`)).headers.etag)
      const all = Array.from({ length: 200 }, (_, at) => `/${at % 10}`)
      const got = await Promise.all(all.map((path) => ask(url + path)))
      for (const [at, path] of all.entries()) {
        expect(got[at]?.text).toBe(`content of ${path}`)
        expect(got[at]?.headers['x-url']).toBe(path)
        expect(got[at]?.headers.etag).toBe(alone.get(path))
      }
    })
  })

  describe('HEAD', () => {
    it('has the header of GET and no content, with a tag or stored', async () => {
      const route = counting()
      const url = await start({ etag: true, routes: [route] })
      const miss = await ask(url, { method: 'HEAD' })
      expect([miss.status, miss.text]).toEqual([200, ''])
      const got = await ask(url)
      const head = await ask(url, { method: 'HEAD' })
      expect([head.status, head.text]).toEqual([200, ''])
      for (const name of ['etag', 'content-type', 'content-length', 'cache-control', 'date'])
        expect(head.headers[name]).toBe(got.headers[name])
      expect(head.headers['cache-status']).toContain('hit')
      expect(route.calls).toHaveBeenCalledTimes(2)
    })

    it('of a stream has no tag, as its content is not known', async () => {
      const answer = () => ({ headers: { 'content-type': 'text/plain' }, body: Readable.from(['page']) })
      const url = await start({ etag: true, routes: [{ path: '/', answer }] })
      const head = await ask(url, { method: 'HEAD' })
      expect([head.status, head.headers.etag]).toEqual([200, undefined])
    })
  })

  describe('a stored response', () => {
    it('is answered byte for byte, with its status and header, until its time is over', async () => {
      const { url } = await startCounting({
        answer: () => ({ headers: { 'content-type': 'text/plain', 'x-a': 'a;b=c', 'x-b': ['1', '2'] } }),
      })
      const first = await ask(url)
      expect(first.headers).toMatchObject({
        'cache-control': 'private, max-age=60',
        'cache-status': 'cashews; fwd=uri-miss; stored',
      })
      elapse(59)
      const hit = await ask(url)
      expect([hit.status, hit.text]).toEqual([200, 'answer 1'])
      expect(hit.headers).toMatchObject({ 'x-a': 'a;b=c', 'x-b': '1, 2', date: first.headers.date })
      expect(hit.headers['cache-status']).toBe('cashews; hit; ttl=1')
      elapse(1)
      expect((await ask(url)).text).toBe('answer 2')
    })

    it('tells its age, which the clients subtract from its lifetime', async () => {
      const { url } = await startCounting()
      await ask(url)
      elapse(2)
      expect((await ask(url)).headers).toMatchObject({ age: '2', 'cache-control': 'private, max-age=60' })
    })

    it('is not sent again to a client that has it', async () => {
      const { url, calls } = await startCounting()
      const { etag } = (await ask(url)).headers
      const again = await ask(url, { headers: { 'if-none-match': etag as string } })
      expect([again.status, again.text, again.headers.etag]).toEqual([304, '', etag])
      expect(calls).toHaveBeenCalledTimes(1)
    })

    it('follows what the handler says before what the route says', async () => {
      const { url } = await startCounting({ answer: () => ({ headers: { 'cache-control': 'public, max-age=10' } }) })
      await ask(url)
      elapse(9)
      expect((await ask(url)).text).toBe('answer 1')
      elapse(1)
      expect((await ask(url)).text).toBe('answer 2')
    })

    it('is good until it expires by what the handler says, which says no more', async () => {
      const expires = new Date(Date.now() + 10_000).toUTCString()
      const { url } = await startCounting({ answer: () => ({ headers: { expires } }) })
      expect((await ask(url)).headers).not.toHaveProperty('cache-control')
      elapse(9)
      const { headers, text } = await ask(url)
      expect(text).toBe('answer 1')
      expect(headers).toMatchObject({ expires, age: '9' })
      expect(headers).not.toHaveProperty('cache-control')
      elapse(1)
      expect((await ask(url)).text).toBe('answer 2')
    })

    it('is good for as long as what it was made of, where nothing else says', async () => {
      const user = cached(cache, { ttl: '30s', key: 'user' }, async () => 'ada')
      await user()
      elapse(10)
      const answer = async () => ({ headers: { 'x-user': await user() } })
      const { url } = await startCounting({ cached: {}, answer })
      expect((await ask(url)).headers['cache-control']).toBe('private, max-age=20')
      expect((await ask(url)).headers['cache-status']).toBe('cashews; hit; ttl=20')
    })

    it('is not made of what was stale itself', async () => {
      const rates = early(cache, { ttl: '1m', earlyTtl: '10s', key: 'rates' }, async () => 1)
      await rates()
      elapse(11)
      const { url } = await startCounting({ answer: async () => ({ headers: { 'x-rate': `${await rates()}` } }) })
      expect((await ask(url)).headers['cache-status']).toBe('cashews; fwd=uri-miss')
    })

    it.each([
      ['an error', { status: 500 }],
      ['what is not found', { status: 404 }],
      ['a part', { status: 206, headers: { 'content-range': 'bytes 0-1/9' } }],
      ['what must not be stored', { headers: { 'cache-control': 'no-store' } }],
      ['what is private', { headers: { 'cache-control': 'private, max-age=60' } }],
      ['what varies by more than the request', { headers: { vary: '*' } }],
      ['what must be confirmed before each use', { headers: { 'cache-control': 'no-cache, max-age=60' } }],
      ['what sets a cookie', { headers: { 'set-cookie': 'session=ada' } }],
      ['what is over at once', { headers: { 'cache-control': 'max-age=0' } }],
      ['a stream of events, even one that ends', { headers: { 'content-type': 'text/event-stream' } }],
    ])('is never %s', async (_, given) => {
      const { url } = await startCounting({ answer: () => given })
      for (const text of ['answer 1', 'answer 2'])
        expect(await ask(url)).toMatchObject({ text, headers: { 'cache-status': 'cashews; fwd=uri-miss' } })
      expect(await cache.getKeysCount()).toBe(0)
    })

    it('is never stale without having been fresh', async () => {
      const { url } = await startCounting({ cached: { staleWhileRevalidate: '1m', staleIfError: '1m' } })
      for (const text of ['answer 1', 'answer 2']) expect((await ask(url)).text).toBe(text)
      expect(await cache.getKeysCount()).toBe(0)
    })

    it('sets its cookies for everybody where the route says so', async () => {
      const cookies = ['theme=dark', 'lang=en']
      let status = 200
      const { url } = await startCounting({
        cached: { ttl: '1m', storeSetCookie: true, staleIfError: '1h' },
        answer: () => ({ status, headers: { 'set-cookie': status === 200 ? cookies : ['failed=yes'] } }),
      })
      for (const seconds of [0, 1, 60]) {
        elapse(seconds)
        expect(await ask(url)).toMatchObject({ text: 'answer 1', headers: { 'set-cookie': cookies } })
        status = 503
      }
    })

    it('keeps its cookies where its handler says only that it is still right, whatever was set before that', async () => {
      const url = await start({
        before: (_request, set) => set('set-cookie', 'session=ada'),
        routes: [
          {
            path: '/',
            cached: { ttl: '1m', storeSetCookie: true, revalidate: true },
            answer: ({ headers }) =>
              headers['if-none-match']
                ? { status: 304, headers: headers['x-theme'] ? { 'set-cookie': 'theme=light' } : {} }
                : { headers: { etag: '"v1"', 'set-cookie': 'theme=dark' }, body: 'page' },
          },
        ],
      })
      for (const [seconds, told, theme, headers] of [
        [0, 'uri-miss', 'dark'],
        [61, 'fwd-status=304', 'dark'],
        [0, 'hit', 'dark'],
        [61, 'fwd-status=304', 'light', { 'x-theme': 'light' }],
        [0, 'hit', 'light'],
      ] as const) {
        elapse(seconds)
        const got = await ask(url, { headers: headers ?? {} })
        expect(got.headers['cache-status']).toContain(told)
        expect(got.headers['set-cookie']).toEqual(['session=ada', `theme=${theme}`])
      }
    })

    it('gives nobody the cookies that were set for another before its handler ran, and adds its own to theirs', async () => {
      let session = 0
      let status = 200
      const { calls: _, ...route } = counting({
        cached: { ttl: '1m', storeSetCookie: true, staleIfError: '1h' },
        answer: () => ({ status, headers: { 'set-cookie': ['theme=dark'] } }),
      })
      const before: TestApp['before'] = (_request, set) => set('set-cookie', `session=${++session}`)
      const url = await start({ before, routes: [route] })
      for (const told of ['uri-miss; stored', 'hit', 'fwd-status=503']) {
        if (told === 'fwd-status=503') elapse(61)
        const { headers } = await ask(url)
        expect(headers['cache-status']).toContain(told)
        expect(headers['set-cookie']).toEqual([`session=${session}`, 'theme=dark'])
        status = 503
      }
      expect(session).toBe(3)
    })

    it.each([
      [200, 'max-age=60, no-store, must-understand', true],
      [200, 'max-age=60, no-store', false],
      [299, 'max-age=60, no-store, must-understand', false],
      [299, 'max-age=60', true],
    ])('with status %i and "%s" is stored: %s', async (status, control, isStored) => {
      const answer = () => ({ status, headers: { 'cache-control': control } })
      const { url } = await startCounting({ cached: { statuses: [200, 299] }, answer })
      await ask(url)
      expect((await ask(url)).text).toBe(isStored ? 'answer 1' : 'answer 2')
    })

    it('can be an error or a redirect where the route says so', async () => {
      const { url } = await startCounting({
        cached: { ttl: '1m', statuses: [301, 404] },
        answer: () => ({ status: 404 }),
      })
      for (let nth = 0; nth < 2; nth++) expect(await ask(url)).toMatchObject({ status: 404, text: 'answer 1' })
    })

    it('is not that of a handler that failed', async () => {
      let fails = true
      const answer = () => {
        if (fails) throw new Error('expected')
        return {}
      }
      const { url } = await startCounting({ answer })
      expect((await ask(url)).status).toBe(500)
      fails = false
      expect((await ask(url)).status).toBe(200)
    })

    it('larger than the route allows is delivered whole, and not stored', async () => {
      const answer = () => ({ body: 'x'.repeat(1_001) })
      const url = await start({ routes: [{ path: '/', cached: { ttl: '1m', maxBytes: 1_000 }, answer }] })
      for (let nth = 0; nth < 2; nth++) {
        const got = await ask(url)
        expect(got.body.length).toBe(1_001)
        expect(got.headers['cache-status']).not.toContain('hit')
      }
    })

    it('of any bytes is the same bytes again', async () => {
      const bytes = Buffer.from(Array.from({ length: 1_024 }, (_, at) => at % 256))
      const answer = () => ({ headers: { 'content-type': 'application/octet-stream' }, body: bytes })
      const url = await startCached(answer)
      for (let nth = 0; nth < 2; nth++) expect((await ask(url)).body.equals(bytes)).toBe(true)
    })

    it('is forgotten with what changed it: only by success, and only on the same origin', async () => {
      const page = counting({ path: '/page' })
      const other = counting({ path: '/other' })
      let reply: { status: number; headers?: Record<string, string> } = { status: 200 }
      const change: TestRoute = { path: '/page', method: 'POST', answer: () => reply }
      const url = await start({ routes: [page, other, change] })
      const { host } = new URL(url)
      const runs = async (given: typeof reply) => {
        await ask(`${url}/page`)
        await ask(`${url}/other`)
        const before = [page.calls.mock.calls.length, other.calls.mock.calls.length]
        reply = given
        await ask(`${url}/page`, { method: 'POST' })
        await ask(`${url}/page`)
        await ask(`${url}/other`)
        return [
          page.calls.mock.calls.length - (before[0] as number),
          other.calls.mock.calls.length - (before[1] as number),
        ]
      }
      expect(await runs({ status: 200 })).toEqual([1, 0])
      expect(await runs({ status: 303 })).toEqual([1, 0])
      expect(await runs({ status: 404 })).toEqual([0, 0])
      expect(await runs({ status: 500 })).toEqual([0, 0])
      expect(await runs({ status: 201, headers: { location: '/other' } })).toEqual([1, 1])
      expect(await runs({ status: 200, headers: { 'content-location': `http://${host}/other` } })).toEqual([1, 1])
      expect(await runs({ status: 201, headers: { location: 'http://elsewhere.example/other' } })).toEqual([1, 0])
    })

    it('is forgotten before the answer to what changed it has ended', async () => {
      const [deleting, deleted] = [gate(), gate()]
      cache.use(async (call, next) => {
        if (call.command === 'delete') {
          deleting.open()
          await deleted.promise
        }
        return next(call)
      })
      const change: TestRoute = { path: '/page', method: 'POST', answer: () => ({ body: 'changed' }) }
      const url = await start({ routes: [counting({ path: '/page' }), change] })
      await ask(`${url}/page`)
      const posted = vi.fn()
      const posting = ask(`${url}/page`, { method: 'POST' }).then(posted)
      await deleting.promise
      await ask(`${url}/page`)
      expect(posted).not.toHaveBeenCalled()
      deleted.open()
      await posting
      expect(posted.mock.calls[0]?.[0].body.toString()).toBe('changed')
      expect((await ask(`${url}/page`)).body.toString()).toBe('answer 2')
    })

    it.each([
      ['that does not vary', {}, ['page']],
      ['that varies', { vary: 'x-a' }, ['page']],
      ['whose tags are told by the request', {}, ({ url }: { url: string }) => [`url:${url}`, 'page']],
      ['that varies, whose tags are told by the request', { vary: 'x-a' }, () => ['page']],
    ] as const)('%s is forgotten by its tags, while it is made too', async (_, headers, named) => {
      const tags = createTags(cache)
      let made: Promise<unknown> = Promise.resolve()
      const answer = async () => made.then(() => ({ headers }))
      const { url, calls } = await startCounting({ cached: { ttl: '1m', tags: named as readonly string[] }, answer })
      const overtaken = async (count: number) => {
        const opened = gate()
        made = opened.promise
        const slow = ask(url)
        await expect.poll(() => calls.mock.calls.length).toBe(count)
        await tags.delete('page')
        opened.open()
        expect((await slow).text).toBe(`answer ${count}`)
      }
      await overtaken(1)
      await overtaken(2)
      for (let nth = 0; nth < 2; nth++) expect((await ask(url)).text).toBe('answer 3')
      await tags.delete('page')
      await overtaken(4)
      for (let nth = 0; nth < 2; nth++) expect((await ask(url)).text).toBe('answer 5')
    })

    it('that is forgotten while it is made is not stored', async () => {
      const opened = gate()
      const started = gate()
      const route = counting({
        answer: async () => {
          started.open()
          await opened.promise
          return {}
        },
      })
      const url = await start({ routes: [route, { path: '/', method: 'POST', answer: () => ({}) }] })
      const slow = ask(url)
      await started.promise
      await ask(url, { method: 'POST' })
      opened.open()
      expect((await slow).text).toBe('answer 1')
      expect((await ask(url)).text).toBe('answer 2')
    })

    it('that is forgotten while it is made is waited for by nobody who comes after: they share the next one', async () => {
      const runs = [0, 1].map(() => ({ started: gate(), opened: gate() }))
      let nth = 0
      const answer = async () => {
        const run = runs[nth++]
        run?.started.open()
        await run?.opened.promise
        return { body: `answer ${nth}` }
      }
      const url = await start({
        routes: [
          { path: '/', cached: { ttl: '1m' }, answer },
          { path: '/', method: 'POST', answer: () => ({}) },
        ],
      })
      const first = ask(url)
      await runs[0]?.started.promise
      await ask(url, { method: 'POST' })
      const second = ask(url)
      await runs[1]?.started.promise
      runs[0]?.opened.open()
      await first
      const third = ask(url)
      await ask(`${url}/other`) // By then the server waits with the third.
      runs[1]?.opened.open()
      expect([(await second).text, (await third).text, nth]).toEqual(['answer 2', 'answer 2', 2])
    })
  })

  describe('variants', () => {
    it('may vary by a field whose name every object has', async () => {
      const { url } = await startCounting({ answer: () => ({ headers: { vary: 'constructor, __proto__' } }) })
      for (let nth = 0; nth < 2; nth++) {
        expect((await ask(url)).text).toBe('answer 1')
        const headers = Object.fromEntries([['constructor', 'x']])
        expect((await ask(url, { headers })).text).toBe('answer 2')
      }
    })

    it('are kept apart by all that Vary names', async () => {
      const { url } = await startCounting({ answer: () => ({ headers: { vary: 'Accept-Language, X-A, X-B' } }) })
      const variants = [{}, { 'x-a': '' }, { 'x-a': '1' }, { 'x-a': '1', 'x-b': '2' }, { 'accept-language': 'en' }]
      for (let nth = 0; nth < 2; nth++)
        for (const [at, headers] of variants.entries())
          expect((await ask(url, { headers: headers as Record<string, string> })).text).toBe(`answer ${at + 1}`)
    })

    it('are all forgotten at once', async () => {
      const route = counting({ answer: () => ({ headers: { vary: 'X-A' } }) })
      const url = await start({ routes: [route, { path: '/', method: 'DELETE', answer: () => ({ status: 204 }) }] })
      const both = async () => [
        await ask(url, { headers: { 'x-a': '1' } }),
        await ask(url, { headers: { 'x-a': '2' } }),
      ]
      expect((await both()).map(({ text }) => text)).toEqual(['answer 1', 'answer 2'])
      await ask(url, { method: 'DELETE' })
      expect((await both()).map(({ text }) => text)).toEqual(['answer 3', 'answer 4'])
    })
  })

  describe('a resource that begins to vary by more', () => {
    it('has nothing stored that was made before it was forgotten', async () => {
      const [opened, started] = [gate(), gate()]
      let state = 'old'
      const answer: TestRoute['answer'] = async ({ headers }) => {
        const body = state
        if (headers['x-a'] !== '2') return { headers: { vary: 'X-A' }, body }
        started.open()
        await opened.promise
        return { headers: { vary: 'X-A, X-B' }, body }
      }
      const change = () => {
        state = 'new'
        return { status: 204 }
      }
      const url = await start({
        routes: [
          { path: '/', cached: { ttl: '1m' }, answer },
          { path: '/', method: 'POST', answer: change },
        ],
      })
      await ask(url, { headers: { 'x-a': '1' } })
      const slow = ask(url, { headers: { 'x-a': '2' } })
      await started.promise
      await ask(url, { method: 'POST' })
      opened.open()
      expect((await slow).text).toBe('old')
      expect((await ask(url, { headers: { 'x-a': '2' } })).text).toBe('new')
    })

    it('is stored again from the next request on', async () => {
      const answer: TestRoute['answer'] = ({ headers }) => ({ headers: { vary: headers['x-a'] ? 'X-A, X-B' : 'X-A' } })
      const { url } = await startCounting({ answer })
      const variants = [{}, { 'x-a': '1' }, {}, { 'x-a': '1' }, {}, { 'x-a': '1' }] as Record<string, string>[]
      const got: string[] = []
      for (const headers of variants) got.push((await ask(url, { headers })).text)
      expect(got).toEqual(['answer 1', 'answer 2', 'answer 3', 'answer 4', 'answer 3', 'answer 4'])
    })
  })

  describe('users', () => {
    const whoami: TestRoute['answer'] = async (request) => {
      await later(Math.random() * 5)
      const { authorization, cookie } = request.headers
      return { body: `for ${authorization ?? cookie ?? 'nobody'}`, headers: { 'content-type': 'text/plain' } }
    }

    it('never get what was made for another, or for nobody, by Authorization or by cookie', async () => {
      const url = await start({ routes: [{ path: '/', cached: { ttl: '1m' }, answer: whoami }] })
      expect((await ask(url)).text).toBe('for nobody')
      const users = Array.from({ length: 200 }, (_, at) =>
        at % 2 ? { authorization: `user ${at % 10}` } : { cookie: `session=${at % 10}` },
      )
      const got = await Promise.all(users.map((headers) => ask(url, { headers: headers as Record<string, string> })))
      for (const [at, { authorization, cookie }] of users.entries())
        expect(got[at]?.text).toBe(`for ${authorization ?? cookie}`)
      expect((await ask(url)).text).toBe('for nobody')
    })

    it('have responses of their own where the route knows who asks', async () => {
      const cachedFor = {
        ttl: '1m',
        varyBy: ({ fields }: { fields: Record<string, unknown> }) => fields.authorization,
        public: true,
      } as never
      const calls = vi.fn(whoami)
      const url = await start({ routes: [{ path: '/', cached: cachedFor, answer: calls }] })
      for (let nth = 0; nth < 3; nth++)
        for (const name of ['ada', 'bob']) {
          const got = await ask(url, { headers: { authorization: name } })
          expect(got.text).toBe(`for ${name}`)
          expect(got.headers['cache-control']).toBe('private, max-age=60')
        }
      expect(calls).toHaveBeenCalledTimes(2)
    })

    it('have what is private stored for each where the route knows who asks', async () => {
      const varyBy = ({ fields }: HttpRequest) => fields['x-user'] as string
      const { url } = await startCounting({
        cached: { ttl: '1m', varyBy },
        answer: () => ({ headers: { 'cache-control': 'private, max-age=60' } }),
      })
      for (const [user, text] of [
        ['ada', 'answer 1'],
        ['bob', 'answer 2'],
        ['ada', 'answer 1'],
      ] as const)
        expect((await ask(url, { headers: { 'x-user': user } })).text).toBe(text)
    })

    it.each([
      ['a promise', async ({ fields }: HttpRequest) => fields['x-user']],
      ['a promise that fails', () => Promise.reject(new Error('expected'))],
      ['an object', ({ fields }: HttpRequest) => new Set([fields['x-user']])],
    ])('share nothing where the route tells who asks by %s, which is reported', async (_, varyBy) => {
      const answer: TestRoute['answer'] = ({ headers }) => ({ body: `for ${headers['x-user']}` })
      const url = await start({ routes: [{ path: '/', cached: { ttl: '1m', varyBy: varyBy as never }, answer }] })
      for (const name of ['ada', 'bob'])
        expect((await ask(url, { headers: { 'x-user': name } })).text).toBe(`for ${name}`)
      expect(String(errors.splice(0)[0])).toContain('varyBy returns text')
    })

    it('share nothing where the route says null of those it does not know', async () => {
      const varyBy = (() => null) as never
      const url = await start({ routes: [{ path: '/', cached: { ttl: '1m', varyBy }, answer: whoami }] })
      for (const cookie of ['session=1', 'session=2'])
        expect((await ask(url, { headers: { cookie } })).text).toBe(`for ${cookie}`)
    })

    it.each(['public, max-age=60', 's-maxage=60', 'max-age=60, must-revalidate'])(
      'share what is marked as everybody’s: %s',
      async (control) => {
        const { url } = await startCounting({ answer: () => ({ headers: { 'cache-control': control } }) })
        for (const authorization of ['ada', 'bob'])
          expect((await ask(url, { headers: { authorization } })).text).toBe('answer 1')
      },
    )

    it('are nobody by cookies that do not say who they are', async () => {
      const { url } = await startCounting({ cached: { ttl: '1m', ignoreCookies: ['_ga*'] } })
      expect((await ask(url, { headers: { cookie: '_ga=1; _ga_2=3' } })).text).toBe('answer 1')
      expect((await ask(url, { headers: { cookie: '_ga=7' } })).text).toBe('answer 1')
      expect((await ask(url, { headers: { cookie: '_ga=7; session=1' } })).text).toBe('answer 2')
    })
  })

  describe('a request', () => {
    const twice = async (headers: Record<string, string>, wait = 0, options = {}) => {
      const { url } = await startCounting({ cached: { ttl: '1m', ...options } })
      await ask(url)
      elapse(wait)
      return ask(url, { headers })
    }

    it.each([
      ['no-cache', 0, 'answer 2'],
      ['max-age=0', 0, 'answer 2'],
      ['no-store', 0, 'answer 2'],
      ['max-age=10', 10, 'answer 1'],
      ['max-age=10', 11, 'answer 2'],
      ['max-age=31536000', 61, 'answer 2'],
      ['min-fresh=30', 30, 'answer 1'],
      ['min-fresh=31', 30, 'answer 2'],
      ['max-stale', 61, 'answer 2'],
      ['only-if-cached', 10, 'answer 1'],
      ['something-new', 10, 'answer 1'],
    ])('with Cache-Control: %s after %i s gets %s', async (directive, wait, text) => {
      expect((await twice({ 'cache-control': directive }, wait)).text).toBe(text)
    })

    it('with Pragma: no-cache is one with no-cache, unless it has Cache-Control', async () => {
      expect((await twice({ pragma: 'no-cache' })).text).toBe('answer 2')
      expect((await twice({ pragma: 'no-cache', 'cache-control': 'max-age=5' })).text).toBe('answer 1')
    })

    it('that wants only what is stored gets 504 where nothing is', async () => {
      const { url, calls } = await startCounting()
      expect((await ask(url, { headers: { 'cache-control': 'only-if-cached' } })).status).toBe(504)
      expect(calls).not.toHaveBeenCalled()
    })

    it('may take what is stale where the server obeys it in all', async () => {
      const options = { honorRequestDirectives: 'all', staleIfError: '1h' }
      expect((await twice({ 'cache-control': 'max-stale=5' }, 64, options)).text).toBe('answer 1')
      expect((await twice({ 'cache-control': 'max-stale=5' }, 66, options)).text).toBe('answer 2')
    })

    it.each(['max-age=60, must-revalidate', 'max-age=60, proxy-revalidate', 's-maxage=60'])(
      'may not take what is stale where it says that it must not be used so: %s',
      async (control) => {
        const { url, calls } = await startCounting({
          cached: { revalidate: true, honorRequestDirectives: 'all' },
          answer: () => ({ headers: { 'cache-control': control, etag: '"v1"' } }),
        })
        await ask(url)
        elapse(61)
        await ask(url, { headers: { 'cache-control': 'max-stale' } })
        expect(calls).toHaveBeenCalledTimes(2)
      },
    )

    it('changes nothing where the server obeys none', async () => {
      expect((await twice({ 'cache-control': 'no-cache' }, 0, { honorRequestDirectives: 'none' })).text).toBe(
        'answer 1',
      )
    })

    it('with no-cache stores what it gets for all others', async () => {
      const { url } = await startCounting()
      await ask(url)
      await ask(url, { headers: { 'cache-control': 'no-cache' } })
      expect((await ask(url)).text).toBe('answer 2')
    })

    describe('where Cache-Control steers cached functions too,', () => {
      const fresh = { 'cache-control': 'no-cache' }

      it('with no-cache is told that it asked for the handler itself', async () => {
        const url = await start({ cacheControl: true, routes: [counting()] })
        await ask(url)
        expect((await ask(url, { headers: fresh })).headers['cache-status']).toBe('cashews; fwd=request; stored')
      })

      it('with no-cache gets what is stored when the handler fails', async () => {
        const answer = vi.fn(() => ({ status: 503, body: 'down' })).mockReturnValueOnce({ status: 200, body: 'up' })
        const routes: TestRoute[] = [{ path: '/', cached: { ttl: '1m', staleIfError: '1h' }, answer }]
        const url = await start({ cacheControl: true, routes })
        await ask(url)
        expect(await ask(url, { headers: fresh })).toMatchObject({ status: 200, text: 'up' })
      })

      it('follows what the route says of its stored response', async () => {
        const obeying = (honorRequestDirectives: 'none' | 'all') =>
          start({
            cacheControl: true,
            routes: [counting({ cached: { ttl: '1m', staleIfError: '1h', honorRequestDirectives } })],
          })
        const none = await obeying('none')
        await ask(none)
        expect((await ask(none, { headers: fresh })).text).toBe('answer 1')
        const all = await obeying('all')
        await ask(all)
        elapse(64)
        expect((await ask(all, { headers: { 'cache-control': 'max-stale=5' } })).text).toBe('answer 1')
      })

      it('with no-cache leaves the variants that it did not ask for', async () => {
        const url = await start({
          cacheControl: true,
          routes: [counting({ answer: () => ({ headers: { vary: 'X-A' } }) })],
        })
        const texts: string[] = []
        for (const headers of [{ 'x-a': '1' }, { 'x-a': '2' }, { 'x-a': '2', ...fresh }, { 'x-a': '1' }])
          texts.push((await ask(url, { headers: headers as Record<string, string> })).text)
        expect(texts).toEqual(['answer 1', 'answer 2', 'answer 3', 'answer 1'])
      })
    })

    it('cannot make the handler run more often than one client may', async () => {
      const { url, calls } = await startCounting({
        cached: { ttl: '1m', recompute: { limit: 3, period: '1m' } } as never,
      })
      for (let nth = 0; nth < 20; nth++) await ask(url, { headers: { 'cache-control': 'no-cache' } })
      expect(calls).toHaveBeenCalledTimes(3)
    })

    it('of one client leaves others their own', async () => {
      const calls = vi.fn()
      const url = await start({
        trustProxy: 'loopback',
        routes: [
          {
            path: '/',
            cached: { ttl: '1m', recompute: { limit: 1, period: '1m' } },
            answer: () => ({ body: `answer ${calls() ?? calls.mock.calls.length}` }),
          },
        ],
      })
      const from = (client: string) => ask(url, { headers: { 'cache-control': 'no-cache', 'x-forwarded-for': client } })
      const clients = ['192.0.2.1', '192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1']
      const texts: string[] = []
      for (const client of clients) texts.push((await from(client)).text)
      expect(texts).toEqual(['answer 1', 'answer 1', 'answer 2', 'answer 3', 'answer 3', 'answer 4'])
    })

    it('with a range gets all of it, and is never stored as a part', async () => {
      const { url } = await startCounting()
      for (let nth = 0; nth < 2; nth++)
        expect(await ask(url, { headers: { range: 'bytes=0-1' } })).toMatchObject({ status: 200, text: 'answer 1' })
    })
  })

  describe('what stands for a resource', () => {
    it('with a range that cannot be had is answered so for nobody else', async () => {
      const answer: TestRoute['answer'] = ({ headers }) =>
        headers.range ? { status: 416, headers: { 'content-range': 'bytes */3' } } : { body: 'abc' }
      const url = await start({ routes: [{ path: '/', cached: { ttl: '1m', statuses: () => true }, answer }] })
      expect((await ask(url, { headers: { range: 'bytes=9-' } })).status).toBe(416)
      expect(await ask(url)).toMatchObject({ status: 200, text: 'abc' })
    })

    it('is its host too, and what a proxy says of it', async () => {
      const answer: TestRoute['answer'] = ({ headers }) => ({
        headers: { 'x-host': (headers['x-forwarded-host'] as string) ?? headers.host },
      })
      const { url, calls } = await startCounting({ answer })
      await ask(url, { headers: { host: 'evil.example' } })
      await ask(url, { headers: { 'x-forwarded-host': 'evil.example' } })
      await ask(url, { headers: { 'x-original-url': '/evil' } })
      await ask(url, { headers: { 'x-http-method-override': 'DELETE' } })
      expect((await ask(url)).headers['x-host']).toBe(new URL(url).host)
      expect(calls).toHaveBeenCalledTimes(5)
    })

    it('is its query, in any order of its names but in the order of its values, as it was written', async () => {
      const { url } = await startCounting({ cached: { ttl: '1m', ignoreQuery: ['utm_*'] } })
      const texts = async (...queries: string[]) => {
        const got: string[] = []
        for (const query of queries) got.push((await ask(`${url}/${query}`)).text)
        return got
      }
      expect(await texts('?a=1&b=2', '?b=2&a=1', '?b=2&utm_x=9&a=1')).toEqual(['answer 1', 'answer 1', 'answer 1'])
      const others = ['?a=1&a=2', '?a=2&a=1', '?a=1%26a=2', '?a=%31&a=2', '?A=1&a=2', '?a', '']
      expect(await texts(...others)).toEqual(others.map((_, at) => `answer ${at + 2}`))
    })

    it('is not stored under a wildcard, whose URLs are made up, unless the route says so', async () => {
      const open = counting({ path: '/open/*', cached: { ttl: '1m', wildcard: true } as never })
      const account = counting({ path: '/account/*', cached: { ttl: '1m', wildcard: false } as never })
      const url = await start({ routes: [open, account] })
      for (const text of ['answer 1', 'answer 2']) expect((await ask(`${url}/account/x.css`)).text).toBe(text)
      for (let nth = 0; nth < 2; nth++) expect((await ask(`${url}/open/x.css`)).text).toBe('answer 1')
    })
  })

  describe('concurrent requests', () => {
    it('of one resource run the handler once', async () => {
      const [opened, arrived] = [gate(), vi.fn()]
      const { calls, ...route } = counting({ answer: () => opened.promise.then(() => ({})) })
      const url = await start({ before: () => arrived(), routes: [route] })
      const all = Array.from({ length: 50 }, () => ask(url))
      await expect.poll(() => arrived.mock.calls.length).toBe(50)
      opened.open()
      const got = await Promise.all(all)
      expect(new Set(got.map(({ text }) => text))).toEqual(new Set(['answer 1']))
      expect(calls).toHaveBeenCalledTimes(1)
      expect(got.filter(({ headers }) => headers['cache-status']?.includes('collapsed')).length).toBeGreaterThan(0)
    })

    it('do not wait for each other where nothing can be shared', async () => {
      const { url } = await startCounting({ answer: () => ({ headers: { 'set-cookie': 'a=1' } }) })
      const got = await Promise.all(Array.from({ length: 20 }, () => ask(url)))
      expect(new Set(got.map(({ text }) => text)).size).toBe(20)
    })

    it.each([
      ['must be validated before each use', { etag: '"v1"', 'cache-control': 'max-age=60, no-cache' }, {}],
      ['is stale at once', { etag: '"v1"', 'cache-control': 'public, max-age=0' }, {}],
      ['is too old for one of them', { age: '50', 'cache-control': 'max-age=100' }, { 'cache-control': 'max-age=10' }],
    ] as const)('do not share what %s', async (_, headers, asked) => {
      const [opened, arrived] = [gate(), vi.fn()]
      const { calls, ...route } = counting({
        cached: { revalidate: true },
        answer: () => opened.promise.then(() => ({ headers })),
      })
      const url = await start({ before: () => arrived(), routes: [route] })
      const first = ask(url)
      await expect.poll(() => calls.mock.calls.length).toBe(1)
      const second = ask(url, { headers: asked })
      await expect.poll(() => arrived.mock.calls.length).toBe(2)
      opened.open()
      expect((await first).text).toBe('answer 1')
      expect((await second).text).toBe('answer 2')
    })

    it('get their answer when the first of them leaves in the middle', async () => {
      const [opened, arrived] = [gate(), vi.fn()]
      const { calls, ...route } = counting({ answer: () => opened.promise.then(() => ({})) })
      const url = await start({ before: () => arrived(), routes: [route] })
      const leaving = new AbortController()
      const first = fetch(url, { signal: leaving.signal }).catch(() => 'left')
      await expect.poll(() => calls.mock.calls.length).toBe(1)
      const others = Array.from({ length: 10 }, () => ask(url))
      await expect.poll(() => arrived.mock.calls.length).toBe(11)
      leaving.abort()
      expect(await first).toBe('left')
      opened.open()
      for (const { status, text } of await Promise.all(others))
        expect([status, text]).toEqual([200, expect.stringMatching(/^answer/)])
    })
  })

  describe('a client that leaves while its request is handled', () => {
    it('has the handler run once more for those who waited, when it ends no response that nobody reads', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const [arrived, left] = [vi.fn(), gate()]
      let nth = 0
      const url = await start({
        before: (request) => {
          arrived()
          request.socket.once('close', () => left.open())
        },
        routes: [
          { path: '/', cached: { ttl: '1m' }, answer: () => (nth++ ? { body: 'page' } : new Promise(() => {})) },
        ],
      })
      const leaving = new AbortController()
      const first = fetch(url, { signal: leaving.signal }).catch(() => 'left')
      await expect.poll(() => nth).toBe(1)
      const others = Array.from({ length: 5 }, () => ask(url))
      await expect.poll(() => arrived.mock.calls.length).toBe(6)
      leaving.abort()
      expect(await first).toBe('left')
      await left.promise
      await vi.advanceTimersByTimeAsync(1_000)
      for (const { text } of await Promise.all(others)) expect(text).toBe('page')
      expect(nth).toBe(2)
    })
  })

  describe('a client that leaves before its request has reached the handler', () => {
    /** A cached route whose store is held back, so that the client leaves first; the handler answers nobody who has left. */
    const startLeft = async (etag: boolean): Promise<string> => {
      const [looked, goOn, left] = [vi.fn(), gate(), gate()]
      cache.use(async (call, next) => {
        if (call.command === 'get' && looked.mock.calls.length === 0) {
          looked()
          await goOn.promise
        }
        return next(call)
      })
      let nth = 0
      const answer: TestRoute['answer'] = () => (nth++ === 0 ? new Promise(() => {}) : { body: 'page' })
      const url = await start({
        etag,
        before: (request) => void request.socket.once('close', () => left.open()),
        routes: [{ path: '/', cached: { ttl: '1m' }, answer }],
      })
      const leaving = new AbortController()
      const first = fetch(url, { signal: leaving.signal }).catch(() => 'left')
      await expect.poll(() => looked.mock.calls.length).toBe(1)
      leaving.abort()
      await first
      await left.promise
      goOn.open()
      await expect.poll(() => nth).toBe(1)
      return url
    }

    it.each([false, true])('makes nobody wait for it for longer than a second, with entity tags: %s', async (etag) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const url = await startLeft(etag)
      const others = ask(url)
      await vi.advanceTimersByTimeAsync(1_000)
      expect((await others).text).toBe('page')
    })

    it('leaves nothing watching it', async () => {
      const detect = vi.spyOn(cache, 'detect')
      await startLeft(false)
      await Promise.all(detect.mock.results.map(({ value }) => value))
    })
  })

  describe('a stream', () => {
    const parts = Array.from({ length: 50 }, (_, at) => Buffer.alloc(4_096, at))
    const whole = Buffer.concat(parts)
    const streamed = (read: () => AsyncGenerator<Buffer>, headers: Record<string, string> = {}): TestRoute['answer'] =>
      vi.fn(() => ({
        headers: { 'content-type': 'application/octet-stream', ...headers },
        body: Readable.from(read()),
      }))

    it('is recorded while it is sent, and answered byte for byte, with an entity tag then', async () => {
      const answer = streamed(async function* () {
        yield* parts
      })
      const url = await startCached(answer)
      const first = await ask(url)
      expect(first.body.equals(whole)).toBe(true)
      await expect.poll(async () => (await ask(url)).headers['cache-status']).toContain('hit')
      const hit = await ask(url)
      expect(hit.body.equals(whole)).toBe(true)
      expect(hit.headers['content-type']).toBe('application/octet-stream')
      expect(hit.headers.etag).toMatch(/^W\//)
    })

    it('of no type is answered without one', async () => {
      const url = await startCached(() => ({ body: Readable.from(['<h1>', 'page']) }))
      for (const status of ['stored', 'hit']) {
        const { text, headers } = await ask(url)
        expect([text, headers['content-type']]).toEqual(['<h1>page', undefined])
        expect(headers['cache-status']).toContain(status)
      }
      expect((await ask(url, { method: 'HEAD' })).headers).toMatchObject({ 'content-length': '8' })
    })

    it('reaches two readers whole', async () => {
      const answer = streamed(async function* () {
        for (const part of parts) {
          await later(1)
          yield part
        }
      })
      const url = await startCached(answer)
      const [one, two] = await Promise.all([ask(url), ask(url)])
      expect(one.body.equals(whole) && two.body.equals(whole)).toBe(true)
    })

    it('that announces trailers is not stored without them', async () => {
      const answer = streamed(
        async function* () {
          yield* parts
        },
        { trailer: 'x-sum' },
      )
      const url = await startCached(answer)
      for (let nth = 1; nth <= 2; nth++) {
        expect((await ask(url)).body.equals(whole)).toBe(true)
        expect(answer).toHaveBeenCalledTimes(nth)
      }
      expect(await cache.getKeysCount()).toBe(0)
    })

    it('that fails in the middle is cut off, and not stored', async () => {
      let nth = 0
      const answer = streamed(async function* () {
        yield* parts.slice(0, 10)
        if (nth++ === 0) throw new Error('expected')
        yield* parts.slice(10)
      })
      const url = await startCached(answer)
      expect((await ask(url)).isCutOff).toBe(true)
      expect(await cache.getKeysCount()).toBe(0)
      expect((await ask(url)).body.equals(whole)).toBe(true)
    })

    it('shorter than it was announced is not stored', async () => {
      const answer = streamed(
        async function* () {
          yield* parts.slice(0, 10)
        },
        { 'content-length': String(whole.length) },
      )
      const left = gate()
      const url = await startCached((request) => {
        request.socket.once('close', () => left.open())
        return answer(request)
      })
      const leaving = new AbortController()
      const { body } = await fetch(url, { signal: leaving.signal })
      let received = 0
      for await (const part of body as ReadableStream<Uint8Array>) {
        received += part.length
        if (received === whole.length / 5) break
      }
      leaving.abort()
      await left.promise
      expect(await cache.getKeysCount()).toBe(0)
    })

    it('whose reader leaves half way is not stored', async () => {
      const [sent, goOn, left] = [gate(), gate(), gate()]
      const answer = streamed(async function* () {
        yield* parts.slice(0, 25)
        sent.open()
        await goOn.promise
        yield* parts.slice(25)
      })
      const url = await startCached((request) => {
        request.socket.once('close', () => left.open())
        return answer(request)
      })
      const leaving = new AbortController()
      const response = await fetch(url, { signal: leaving.signal })
      await sent.promise
      leaving.abort()
      await response.arrayBuffer().catch(() => undefined)
      await left.promise
      goOn.open()
      await ask(`${url}/other`) // By then the server has done what follows from the close.
      expect(await cache.getKeysCount()).toBe(0)
      expect((await ask(url)).body.equals(whole)).toBe(true)
    })

    it('of events is passed on as they come', async () => {
      const second = gate()
      const answer = streamed(
        async function* () {
          yield Buffer.from('data: 1\n\n')
          await second.promise
        },
        { 'content-type': 'text/event-stream' },
      )
      const url = await startCached(answer)
      for (let nth = 0; nth < 2; nth++) {
        const leaving = new AbortController()
        const response = await fetch(url, { signal: leaving.signal })
        const { value } = await (response.body as ReadableStream<Uint8Array>).getReader().read()
        expect(Buffer.from(value as Uint8Array).toString()).toBe('data: 1\n\n')
        leaving.abort()
      }
      second.open()
    })
  })

  describe('a stale response', () => {
    it('is answered while one refresh runs, however many ask', async () => {
      const opened = gate()
      let isRefresh = false
      const answer = async () => (isRefresh ? opened.promise.then(() => ({})) : {})
      const { url, calls } = await startCounting({ cached: { ttl: '1m', staleWhileRevalidate: '1m' }, answer })
      await ask(url)
      elapse(61)
      isRefresh = true
      const got = await Promise.all(Array.from({ length: 300 }, () => ask(url)))
      for (const { text } of got) expect(text).toBe('answer 1')
      expect(got[0]).toMatchObject({ headers: { age: '61', 'cache-status': 'cashews; hit; ttl=-1' } })
      opened.open()
      await expect.poll(async () => (await ask(url)).text).toBe('answer 2')
      expect(calls).toHaveBeenCalledTimes(2)
    })

    it('is not refreshed again while its refresh is being stored', async () => {
      const [stored, storing] = [gate(), gate()]
      let isHeld = false
      await cache.close()
      cache = createCache({ onError: (error) => errors.push(error) }).setup(memory(), {
        middlewares: [
          async (call, next) => {
            if (isHeld && call.command === 'set') {
              storing.open()
              await stored.promise
            }
            return next(call)
          },
        ],
      })
      const { url, calls } = await startCounting({ cached: { ttl: '1m', staleWhileRevalidate: '1m' } })
      await ask(url)
      elapse(61)
      isHeld = true
      await ask(url)
      await storing.promise
      for (let nth = 0; nth < 5; nth++) {
        expect((await ask(url)).text).toBe('answer 1')
        await later(1)
      }
      expect(calls).toHaveBeenCalledTimes(2)
      stored.open()
      await expect.poll(async () => (await ask(url)).text).toBe('answer 2')
    })

    it('is refreshed by a response in many large parts as well', async () => {
      let nth = 0
      const url = await start({
        routes: [
          {
            path: '/',
            cached: { ttl: '1m', staleWhileRevalidate: '1m' },
            answer: () => ({ body: Readable.from(Array(9).fill(Buffer.alloc(100_000, String(++nth)))) }),
          },
        ],
      })
      await ask(url)
      elapse(61)
      await expect.poll(async () => (await ask(url)).text).toBe('2'.repeat(900_000))
    })

    it('is refreshed by a request that is closed at its end, so that what its handler has taken is given back', async () => {
      let taken = 0
      const answer: TestRoute['answer'] = (request) => {
        taken++
        request.once('close', () => taken--)
        return {}
      }
      const { url, calls } = await startCounting({ cached: { ttl: '1m', staleWhileRevalidate: '1m' }, answer })
      await ask(url)
      elapse(61)
      await ask(url)
      await expect.poll(() => calls.mock.calls.length).toBe(2)
      await expect.poll(() => taken).toBe(0)
    })

    it('is not answered beyond its time', async () => {
      const { url } = await startCounting({ cached: { ttl: '1m', staleWhileRevalidate: '1m' } })
      await ask(url)
      elapse(121)
      expect((await ask(url)).text).toBe('answer 2')
    })

    it('stands in for a handler that fails, by status or by exception, with its age', async () => {
      let fails: 'status' | 'exception' | undefined
      const answer = () => {
        if (fails === 'exception') throw new Error('expected')
        return fails === 'status' ? { status: 503 } : {}
      }
      const { url } = await startCounting({ cached: { ttl: '1m', staleIfError: '1h' }, answer })
      await ask(url)
      elapse(90)
      for (fails of ['status', 'exception'] as const) {
        expect(await ask(url)).toMatchObject({ status: 200, text: 'answer 1', headers: { age: '90' } })
        const head = await ask(url, { method: 'HEAD' })
        expect(head).toMatchObject({ status: 200, text: '', headers: { age: '90', 'content-length': '8' } })
      }
      elapse(3_600)
      expect((await ask(url)).status).toBe(500)
    })

    it('of no content stands in without a length, which such a response must not have', async () => {
      let status = 204
      const answer = () => ({ status, body: status === 204 ? '' : 'failed' })
      const url = await start({
        routes: [{ path: '/', cached: { ttl: '1m', statuses: [204], staleIfError: '1h' }, answer }],
      })
      await ask(url)
      elapse(61)
      status = 503
      const got = await ask(url)
      expect([got.status, got.headers['cache-status']]).toEqual([204, expect.stringContaining('fwd-status=503')])
      expect(got.headers).not.toHaveProperty('content-length')
    })

    it('stands in with the fields that stand before the handler as they are for this request', async () => {
      let nth = 0
      const before: TestApp['before'] = ({ headers }, set) => {
        set('x-request-id', `request ${++nth}`)
        set('access-control-allow-origin', String(headers.origin))
      }
      let status = 200
      const { calls: _, ...route } = counting({
        cached: { ttl: '1m', staleIfError: '1h' },
        answer: () => ({ status, headers: { 'x-status': String(status) } }),
      })
      const url = await start({ before, routes: [route] })
      await ask(url, { headers: { origin: 'http://a' } })
      elapse(61)
      status = 503
      expect(await ask(url, { headers: { origin: 'http://b' } })).toMatchObject({
        status: 200,
        headers: { 'x-request-id': 'request 2', 'access-control-allow-origin': 'http://b', 'x-status': '200' },
      })
      expect(await ask(url, { method: 'HEAD', headers: { origin: 'http://c' } })).toMatchObject({
        status: 200,
        headers: { 'x-request-id': 'request 3', 'access-control-allow-origin': 'http://c', 'x-status': '200' },
      })
    })

    it('has no field that its handler has removed: as a hit, validated, not modified, or in place of a failure', async () => {
      const before: TestApp['before'] = (_request, set) => {
        set('x-request-id', 'request')
        set('x-frame-options', 'DENY')
      }
      let status = 200
      const { calls: _, ...route } = counting({
        cached: { ttl: '1m', staleIfError: '1h', revalidate: true },
        answer: () => ({ status, headers: { etag: '"v1"' }, ...(status === 200 && { without: 'x-frame-options' }) }),
      })
      const url = await start({ before, routes: [route] })
      for (const [seconds, told, headers = {}] of [
        [0, 'uri-miss; stored'],
        [0, 'hit'],
        [0, 'hit', { 'if-none-match': '"v1"' }],
        [61, 'fwd-status=304'],
        [61, 'fwd-status=503'],
      ] as const) {
        elapse(seconds)
        status = Number(told.slice(-3)) || 200
        const got = await ask(url, { headers })
        expect(got.headers['cache-status']).toContain(told)
        expect(got.headers).toHaveProperty('x-request-id')
        expect(got.headers).not.toHaveProperty('x-frame-options')
      }
    })

    it.each([
      [61, 'max-age=60, must-revalidate, stale-if-error=60'],
      [61, 'max-age=60, proxy-revalidate, stale-if-error=60'],
      [61, 's-maxage=60'],
      [1, 'max-age=60, no-cache'],
    ])('does not stand in after %i s where it says that it must not: %s', async (seconds, control) => {
      let status = 200
      const headers = { 'cache-control': control, etag: '"v1"' }
      const options = { staleIfError: '1h', revalidate: true } as const
      const { url } = await startCounting({ cached: options, answer: () => ({ status, headers }) })
      await ask(url)
      elapse(seconds)
      status = 503
      expect((await ask(url)).status).toBe(503)
    })

    it('of a store that returns plain bytes is sent in place of a 304 and of a failure', async () => {
      await cache.close()
      cache = createCache({ onError: (error) => errors.push(error) }).setup(reference())
      const statuses = [200, 304, 503]
      const headers = { etag: '"v1"', 'cache-control': 'max-age=0, stale-if-error=60' }
      const answer = () => ({ status: statuses.shift() as number, headers, body: Buffer.from('page') })
      const url = await start({ routes: [{ path: '/', cached: { revalidate: true }, answer }] })
      for (const told of ['uri-miss; stored', 'fwd-status=304', 'fwd-status=503']) {
        const { status, text, headers } = await ask(url)
        expect([status, text]).toEqual([200, 'page'])
        expect(headers['cache-status']).toContain(told)
      }
    })

    it('is good again when a handler that was asked says so', async () => {
      const answer: TestRoute['answer'] = ({ headers }) =>
        headers['if-none-match'] === '"v1"'
          ? { status: 304, headers: { 'x-new': 'yes', etag: '"v1"' } }
          : { headers: { etag: '"v1"' } }
      const { url } = await startCounting({ cached: { ttl: '1m', revalidate: true }, answer })
      await ask(url)
      elapse(61)
      const again = await ask(url)
      expect([again.status, again.text, again.headers['x-new']]).toEqual([200, 'answer 1', 'yes'])
      expect((await ask(url)).headers['cache-status']).toContain('hit')
    })
  })

  describe('a handler that is asked whether what is stored is right', () => {
    it('tells how old its answer is already, as one that asks another cache does', async () => {
      const url = await start({
        routes: [
          {
            path: '/',
            cached: { revalidate: true },
            answer: ({ headers }) =>
              headers['if-none-match']
                ? { status: 304, headers: { 'cache-control': 'max-age=60', age: '50' } }
                : { headers: { 'cache-control': 'max-age=1', etag: '"v1"' }, body: 'page' },
          },
        ],
      })
      await ask(url)
      elapse(2)
      expect((await ask(url)).headers).toMatchObject({ age: '50', 'cache-status': expect.stringContaining('304') })
      elapse(9)
      expect((await ask(url)).headers).toMatchObject({
        age: '59',
        'cache-status': expect.stringContaining('hit; ttl=1'),
      })
      elapse(2)
      expect((await ask(url)).headers['cache-status']).toContain('fwd=stale')
    })

    it.each([
      ['no-cache', { etag: '"v1"' }],
      ['no-cache', { 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }],
      ['no-cache, must-revalidate', { etag: '"v1"' }],
    ])('is asked each time by "%s", also without a lifetime', async (control, validator) => {
      const answer: TestRoute['answer'] = ({ headers }) => {
        const isKnown = (headers['if-none-match'] ?? headers['if-modified-since']) !== undefined
        return { status: isKnown ? 304 : 200, headers: { ...validator, 'cache-control': control } }
      }
      const { url, calls } = await startCounting({ cached: { revalidate: true }, answer })
      for (let nth = 1; nth <= 3; nth++) {
        expect(await ask(url)).toMatchObject({ status: 200, text: 'answer 1' })
        expect(calls).toHaveBeenCalledTimes(nth)
      }
    })

    it('is not asked what a client has', async () => {
      const asked: unknown[] = []
      const answer: TestRoute['answer'] = ({ headers }) => {
        asked.push([headers['if-none-match'], headers['if-modified-since']])
        if (headers['if-none-match'] === '"mine"') return { status: 304 }
        return { status: 404, headers: { 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' } }
      }
      const options = { ttl: '1m', revalidate: true, statuses: [404] } as const
      const { url } = await startCounting({ cached: options, answer })
      await ask(url)
      elapse(61)
      expect((await ask(url, { headers: { 'if-none-match': '"mine"' } })).text).toBe('answer 2')
      expect((asked[1] as unknown[])[0]).not.toBe('"mine"')
      expect((asked[1] as unknown[])[1]).toBe('Thu, 01 Jan 2026 00:00:00 GMT')
    })

    it('may answer a client itself that it has a stream, which nobody waits for', async () => {
      const answer: TestRoute['answer'] = () => ({
        headers: { etag: '"stream"' },
        body: Readable.from(['a', 'b']),
      })
      const url = await startCached(answer)
      vi.useFakeTimers({ toFake: ['Date', 'setTimeout'] }) // No patience ends here.
      const had = await ask(url, { headers: { 'if-none-match': '"stream"' } })
      expect([had.status, had.text]).toEqual([304, ''])
      expect((await ask(url)).text).toBe('ab')
    })
  })

  describe('the cached functions of a request', () => {
    const shop = () => {
      const calls = vi.fn()
      const price = cached(cache, { ttl: '1m', key: 'price:{id}' }, async (id: string) => {
        calls(id)
        return `price of ${id}, call ${calls.mock.calls.length}`
      })
      const name = cached(cache, { ttl: '10m', key: 'name:{id}' }, async (id: string) => `name of ${id}`)
      return { calls, price, name }
    }
    const onePrice = async (options: Omit<TestApp, 'cache' | 'routes'> = { cacheControl: true }) => {
      const { price, calls } = shop()
      const url = await start({ ...options, routes: [{ path: '/', answer: async () => ({ body: await price('1') }) }] })
      return { url, calls }
    }
    const asking = (directive: string) => ({ headers: { 'cache-control': directive } })

    it('tell how long their answer is kept, and how old it is', async () => {
      const { url } = await onePrice()
      expect((await ask(url)).headers).toMatchObject({ 'cache-control': 'private, max-age=60', age: '0' })
      elapse(20)
      expect((await ask(url)).headers).toMatchObject({ 'cache-control': 'private, max-age=60', age: '20' })
    })

    it('tell the shortest of several times, and are private as soon as one of them is', async () => {
      const { price, name } = shop()
      await name('1')
      elapse(100)
      const routes = [
        { path: '/both', answer: async () => ({ body: (await name('1')) + (await price('1')) }) },
        { path: '/name', answer: async () => ({ body: await name('1') }) },
      ]
      const url = await start({ cacheControl: { public: ['name:*'] }, routes })
      expect((await ask(`${url}/both`)).headers).toMatchObject({ 'cache-control': 'private, max-age=160', age: '100' })
      expect((await ask(`${url}/name`)).headers).toMatchObject({ 'cache-control': 'public, max-age=600', age: '100' })
    })

    it('say nothing where none was called, of a change, and against what the handler says', async () => {
      const { price } = shop()
      const answer = async () => ({ body: await price('1'), headers: { 'cache-control': 'max-age=5' } })
      const url = await start({
        cacheControl: true,
        routes: [
          { path: '/none', answer: () => ({}) },
          { path: '/own', answer },
          { path: '/change', method: 'POST', answer: async () => ({ body: await price('1') }) },
        ],
      })
      expect((await ask(`${url}/none`)).headers).not.toHaveProperty('cache-control')
      expect((await ask(`${url}/change`, { method: 'POST' })).headers).not.toHaveProperty('cache-control')
      expect((await ask(`${url}/own`)).headers['cache-control']).toBe('max-age=5')
    })

    it('make nothing fresh of an answer that is stale, or that was not stored', async () => {
      const rates = early(cache, { ttl: '1m', earlyTtl: '10s', key: 'rates' }, async () => 1)
      const refused = cached(cache, { ttl: '1m', key: 'refused', condition: () => false }, async () => 1)
      await rates()
      elapse(11)
      const routes = [rates, refused].map((fn, at) => ({
        path: `/${at}`,
        answer: async () => ({ body: String(await fn()) }),
      }))
      const url = await start({ cacheControl: true, routes })
      for (const path of ['/0', '/1']) expect((await ask(url + path)).headers['cache-control']).toBe('no-cache')
    })

    it('have their failures stored nowhere', async () => {
      const routes = [401, 403, 500, 503].map((status) => ({ path: `/${status}`, answer: () => ({ status }) }))
      const url = await start({ cacheControl: true, routes })
      for (const { path } of routes) expect((await ask(url + path)).headers['cache-control']).toBe('no-store')
    })

    it.each([
      ['no-cache', 0, 2, 2],
      ['No-Cache, max-age=600', 0, 2, 2],
      ['max-age=0', 0, 2, 2],
      ['public, max-age=0', 0, 2, 2],
      ['no-store', 0, 2, 1],
      ['max-age=10', 10, 1, 1],
      ['max-age=10', 11, 2, 2],
      ['max-age="10"', 11, 2, 2],
      ['max-age=600', 11, 1, 1],
      ['min-fresh=50', 11, 2, 2],
      ['max-age=31536000', 61, 2, 2],
      ['only-if-cached', 11, 1, 1],
    ])(
      'are steered by %s after %i s: call %i is answered, and call %i to the next',
      async (directive, wait, now, next) => {
        const { url } = await onePrice()
        await ask(url)
        elapse(wait)
        expect((await ask(url, asking(directive))).text).toBe(`price of 1, call ${now}`)
        expect((await ask(url)).text).toBe(`price of 1, call ${next}`)
      },
    )

    it('are not called where only what is stored is asked for: 504', async () => {
      const { url, calls } = await onePrice()
      expect((await ask(url, asking('only-if-cached'))).status).toBe(504)
      expect(calls).not.toHaveBeenCalled()
    })

    it('answer what is stored where only that is asked for', async () => {
      const { url, calls } = await onePrice()
      const { text } = await ask(url)
      expect(await ask(url, asking('only-if-cached'))).toMatchObject({ status: 200, text })
      expect(calls).toHaveBeenCalledTimes(1)
    })

    it('are not steered for others', async () => {
      const { url, calls } = await onePrice()
      await ask(url)
      const all = Array.from({ length: 40 }, (_, at) => ask(url, at % 2 ? {} : asking('no-store')))
      const got = await Promise.all(all)
      for (const [at, { text }] of got.entries()) if (at % 2) expect(text).toBe('price of 1, call 1')
      expect(calls).toHaveBeenCalledTimes(21)
    })

    it('are not computed more often than one client may ask for', async () => {
      const { url, calls } = await onePrice({ cacheControl: { recompute: { limit: 5, period: '1m' } } })
      for (let nth = 0; nth < 20; nth++) await ask(url, asking('no-cache'))
      expect(calls).toHaveBeenCalledTimes(5)
    })

    it('show in the tools of a browser, by template', async () => {
      const { url } = await onePrice({ cacheControl: { cacheStatus: true, serverTiming: true } })
      const miss = await ask(url)
      expect(miss.headers['cache-status']).toBe('"price:{id}"; fwd=miss; stored')
      expect(miss.headers['server-timing']).toBe('cashews-0;desc="price:{id} miss"')
      elapse(10)
      const hit = await ask(url)
      expect(hit.headers['cache-status']).toBe('"price:{id}"; hit; ttl=50')
    })

    it('are cleared by Clear-Site-Data from those who may, and from nobody else', async () => {
      const clearSiteData = {
        allow: ({ fields }: { fields: Record<string, unknown> }) => fields.authorization === 'admin',
      } as never
      const { url } = await onePrice({ clearSiteData })
      await ask(url)
      for (const value of ['"cache"', 'cache', '"*"'])
        expect((await ask(url, { headers: { 'clear-site-data': value } })).text).toBe('price of 1, call 1')
      const admin = { authorization: 'admin', 'clear-site-data': '"cookies", "cache"' }
      expect((await ask(url, { headers: admin })).text).toBe('price of 1, call 2')
      expect((await ask(url)).text).toBe('price of 1, call 2')
    })

    it('drops all variants of a stored response, for a request with no-cache too', async () => {
      const url = await start({
        cacheControl: true,
        clearSiteData: { allow: () => true },
        routes: [counting({ answer: () => ({ headers: { vary: 'X-A' } }) })],
      })
      const texts: string[] = []
      const clearing = { 'clear-site-data': '"cache"', 'cache-control': 'no-cache' }
      for (const headers of [{ 'x-a': '1' }, { 'x-a': '2' }, { 'x-a': '2', ...clearing }, { 'x-a': '1' }])
        texts.push((await ask(url, { headers: headers as Record<string, string> })).text)
      expect(texts).toEqual(['answer 1', 'answer 2', 'answer 3', 'answer 4'])
    })

    it('are cleared by Clear-Site-Data together with the response that is stored', async () => {
      const clearSiteData = {
        allow: ({ fields }: { fields: Record<string, unknown> }) => fields.admin === 'yes',
      } as never
      const { calls, ...route } = counting({ answer: () => ({ headers: { 'cache-control': 'public' } }) })
      const url = await start({ clearSiteData, routes: [route] })
      await ask(url)
      const clearing = { 'clear-site-data': '"cache"' }
      expect((await ask(url, { headers: clearing })).text).toBe('answer 1')
      expect((await ask(url, { headers: { ...clearing, admin: 'yes' } })).text).toBe('answer 2')
      await ask(url)
      expect(calls).toHaveBeenCalledTimes(2)
      expect((await ask(url)).text).toBe('answer 2')
    })

    it.each([
      [
        'throws',
        () => {
          throw new Error('expected')
        },
      ],
      [
        'rejects',
        async () => {
          throw new Error('expected')
        },
      ],
    ])('are cleared by nobody when the predicate %s', async (_, allow) => {
      const { url } = await onePrice({ clearSiteData: { allow } })
      await ask(url)
      const got = await ask(url, { headers: { 'clear-site-data': '"cache"' } })
      expect([got.status, got.text]).toEqual([200, 'price of 1, call 1'])
      expect(errors.splice(0)).toEqual([new Error('expected')])
    })
  })

  it('leaves a rate limit what it is: an error that a handler may answer', async () => {
    const limited = rateLimit(cache, { limit: 1, period: '1m', key: 'limit' }, async () => 'ok')
    const url = await start({
      cacheControl: true,
      routes: [{ path: '/', answer: async () => ({ body: await limited() }) }],
    })
    expect((await ask(url)).headers).not.toHaveProperty('cache-control')
    expect((await ask(url)).status).toBe(500)
  })
})
