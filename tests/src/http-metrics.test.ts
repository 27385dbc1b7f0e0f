import { memory } from '@cashews/backend-memory'
import { type Cache, createCache } from '@cashews/core'
import { metrics } from '@cashews/prometheus'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { gate } from './support/helpers.ts'
import { ask, frameworks, type TestApp, type TestRoute } from './support/web.ts'

const elapse = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1_000)

describe.each(frameworks)('metrics of $name', ({ serve }) => {
  let registry: Registry
  let cache: Cache
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
    registry = new Registry()
    cache = createCache().setup(memory(), { middlewares: [metrics({ registry })] })
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  const start = async (routes: TestRoute[], before?: TestApp['before'], more: Partial<TestApp> = {}) => {
    const running = await serve({ cache, routes, ...(before && { before }), ...more })
    onTestFinished(async () => {
      await running.close()
    })
    return running.url
  }
  const samples = async (name: string) => {
    const lines = (await registry.metrics()).matchAll(
      new RegExp(`^${name}\\{template="(.*?)"(?:,result="(.*?)")?\\} (.*)$`, 'gm'),
    )
    return Object.fromEntries(
      Array.from(lines, ([, template, result, value]) => [`${template} ${result}`, Number(value)]),
    )
  }
  const calls = () => samples('cashews_calls_total')
  const page = (route: Partial<TestRoute> = {}): TestRoute => ({
    path: '/products/:id',
    cached: { ttl: '1m' },
    answer: () => ({ body: 'page' }),
    ...route,
  })

  it('count the requests of each cached route by how they were answered', async () => {
    const url = await start([page(), page({ path: '/', cached: { ttl: '1m', name: 'home' } })])
    for (const path of ['/products/1', '/products/2', '/products/1', '/', '/']) await ask(url + path)
    await ask(`${url}/products/1`, { headers: { 'cache-control': 'no-cache' } })
    await ask(`${url}/products/1`, { headers: { 'cache-control': 'max-age=60' } })
    expect(await calls()).toEqual({
      'http:/products/:id hit': 2,
      'http:/products/:id miss': 2,
      'http:/products/:id refresh': 1,
      'http:home hit': 1,
      'http:home miss': 1,
    })
    expect(await samples('cashews_load_seconds_count')).toEqual({
      'http:/products/:id undefined': 3,
      'http:home undefined': 1,
    })
  })

  it('know the route of a request whose entity tag is made by a middleware before it', async () => {
    const url = await start([page()], undefined, { etag: true })
    await ask(`${url}/products/1`)
    expect(await calls()).toEqual({ 'http:/products/:id miss': 1 })
  })

  it('count those who shared the answer to another', async () => {
    const [opened, arrived] = [gate(), vi.fn()]
    const url = await start([page({ answer: () => opened.promise.then(() => ({ body: 'page' })) })], arrived)
    const asked = [1, 2, 3].map(() => ask(`${url}/products/1`))
    await expect.poll(() => arrived.mock.calls.length).toBe(3)
    opened.open()
    await Promise.all(asked)
    expect(await calls()).toEqual({ 'http:/products/:id miss': 1, 'http:/products/:id shared': 2 })
  })

  it('count stale answers, and the refreshes behind them', async () => {
    const url = await start([page({ cached: { ttl: '1m', staleWhileRevalidate: '1h' } })])
    await ask(`${url}/products/1`)
    elapse(61)
    await ask(`${url}/products/1`)
    await expect.poll(calls).toEqual({
      'http:/products/:id miss': 1,
      'http:/products/:id stale': 1,
      'http:/products/:id refresh': 1,
    })
  })

  it('count what stood in for a handler that failed as stale, and its failure as a miss', async () => {
    let status = 200
    const url = await start([
      page({ cached: { ttl: '1m', staleIfError: '1h' }, answer: () => ({ status, body: 'page' }) }),
    ])
    await ask(`${url}/products/1`)
    elapse(61)
    status = 503
    expect((await ask(`${url}/products/1`)).status).toBe(200)
    expect(await calls()).toEqual({ 'http:/products/:id miss': 2, 'http:/products/:id stale': 1 })
  })
})
