import { memory } from '@cashews/backend-memory'
import { BackendUnavailableError, type Cache, createCache, type Middleware, NotConfiguredError } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { sickStore } from './support/helpers.ts'
import { ask, frameworks, type TestRoute } from './support/web.ts'

describe.each(frameworks)('$name with a cache that fails', ({ serve }) => {
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)
  beforeEach(() => {
    errors.length = 0
  })
  const everything = { etag: true, cacheControl: true } as const
  const start = async (cache: Cache, routes: TestRoute[], features: object = everything) => {
    const server = await serve({ cache, ...features, routes })
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    return server.url
  }
  const page = (more: Partial<TestRoute> = {}): TestRoute => ({
    path: '/',
    cached: { ttl: '1m' },
    answer: () => ({ body: 'page' }),
    ...more,
  })

  it.each(['get', 'set', 'sliceIncr'])('sends the response when %s throws', async (command) => {
    const breaks: Middleware = (call, next) => {
      if (call.command === command) throw new Error('expected')
      return next(call)
    }
    const cache = createCache({ onError }).setup(memory()).use(breaks)
    const url = await start(cache, [page()])
    for (const headers of [{}, { 'cache-control': 'max-age=5' }, { 'cache-control': 'no-cache' }])
      expect(await ask(url, { headers: headers as Record<string, string> })).toMatchObject({
        status: 200,
        text: 'page',
      })
    expect(errors).toContainEqual(new Error('expected'))
  })

  it('sends the response when the read fails that takes the right to store it', async () => {
    const breaks: Middleware = (call, next) => {
      if (call.command === 'get' && call.leaseOnly) throw new Error('expected')
      return next(call)
    }
    const cache = createCache({ onError }).setup(memory()).use(breaks)
    const url = await start(cache, [page()], {})
    for (let nth = 0; nth < 2; nth++) expect(await ask(url)).toMatchObject({ status: 200, text: 'page' })
    expect(errors).toContainEqual(new Error('expected'))
  })

  it('sends the response when no store is set up for it', async () => {
    const cache = createCache({ onError })
    const url = await start(cache, [page()], {})
    for (let nth = 0; nth < 2; nth++) expect(await ask(url)).toMatchObject({ status: 200, text: 'page' })
    expect(errors[0]).toBeInstanceOf(NotConfiguredError)
  })

  it.each([
    ['the store has no windows', (cache: Cache) => cache.setup(Object.assign(memory(), { windows: false }))],
    ['there is no store for it', (cache: Cache) => cache.setup(memory(), { prefix: 'price' })],
  ])(
    'answers a client that asks for fresher answers from the cache when %s, which is reported once',
    async (_, setup) => {
      const cache = setup(createCache({ onError }))
      let calls = 0
      const price = cached(cache, { ttl: '1m', key: 'price' }, async () => `price ${++calls}`)
      const url = await start(cache, [{ path: '/', answer: async () => ({ body: await price() }) }])
      for (let nth = 0; nth < 3; nth++)
        expect((await ask(url, { headers: { 'cache-control': 'no-cache' } })).text).toBe('price 1')
      expect(errors).toHaveLength(1)
    },
  )

  it('sends the response when nobody can say how old what it used is', async () => {
    const blind: Middleware = (call, next) => {
      if (call.command === 'getExpire') throw new Error('expected')
      return next(call)
    }
    const cache = createCache({ onError }).setup(memory()).use(blind)
    const price = cached(cache, { ttl: '1m', key: 'price' }, async () => 'page')
    const url = await start(cache, [{ path: '/', answer: async () => ({ body: await price() }) }])
    for (let nth = 0; nth < 2; nth++) expect(await ask(url)).toMatchObject({ status: 200, text: 'page' })
  })

  it.each([
    ['tags', { tags: () => ['a'] }],
    ['varyBy', { ttl: '1m' }],
    ['statuses', { ttl: '1m' }],
    ['client', { ttl: '1m' }],
  ])('sends the response when %s of the application throws', async (name, options) => {
    const cache = createCache({ onError }).setup(memory())
    createTags(cache)
    const fails = () => {
      throw new Error('expected')
    }
    const url = await start(cache, [page({ cached: { ttl: '1m', ...options, [name]: fails } as never })], {})
    const headers = { 'cache-control': 'no-cache' }
    expect(await ask(url, { headers })).toMatchObject({ status: 200, text: 'page' })
    expect(errors.length).toBeGreaterThan(0)
  })

  it.each([
    ['tags', { tags: async () => ['a'] }, 'tags returns a list of names'],
    ['tags', { tags: async () => Promise.reject(new Error('expected')) }, 'tags returns a list of names'],
    ['tags', { tags: () => [Promise.resolve('a')] }, 'tags returns a list of names'],
    ['statuses', { statuses: async () => false }, 'statuses returns true or false'],
    ['client', { client: async () => 'me' }, 'client returns text'],
    ['client', { client: () => Promise.reject(new Error('expected')) }, 'client returns text'],
    ['client', { client: () => ({ name: 'me' }) }, 'client returns text'],
  ])(
    'stores nothing where %s of the application returns a promise or an object, and says so',
    async (name, options, told) => {
      const cache = createCache({ onError }).setup(memory())
      createTags(cache)
      const url = await start(cache, [page({ cached: { ttl: '1m', ...options } as never })], {})
      const headers: Record<string, string> = name === 'client' ? { 'cache-control': 'no-cache' } : {}
      const got = await ask(url, { headers })
      expect(got).toMatchObject({ status: 200, text: 'page' })
      expect(String(got.headers['cache-status'])).not.toContain('stored')
      expect(String(errors[0])).toContain(told)
      expect(await cache.getKeysCount()).toBe(0)
    },
  )

  it('sends the response when the store is away, suppressed or not', async () => {
    for (const suppress of [true, false]) {
      const store = sickStore()
      const cache = createCache({ onError }).setup(store, { suppress })
      const url = await start(cache, [page()])
      store.health.illness = () => Promise.reject(new BackendUnavailableError('expected'))
      for (let nth = 0; nth < 3; nth++) expect(await ask(url)).toMatchObject({ status: 200, text: 'page' })
    }
  })

  it('waits for a store that hangs no longer than the cache allows', async () => {
    const store = sickStore()
    const cache = createCache({ onError }).setup(store, { readTimeout: '100ms', writeTimeout: '100ms' })
    const url = await start(cache, [page()])
    await ask(url)
    store.health.illness = () => new Promise(() => {})
    for (let nth = 0; nth < 5; nth++) expect(await ask(url)).toMatchObject({ status: 200, text: 'page' })
  })
})
