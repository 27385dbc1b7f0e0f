import { setTimeout as wait } from 'node:timers/promises'
import { describe, it } from 'vitest'
import { READ, SLACK, underLoad, watchedCache } from '../support/faults/cache.ts'
import { report, Stopwatch } from '../support/faults/report.ts'
import { eventually } from '../support/redis/eventually.ts'
import { startRedis } from '../support/redis/redis-server.ts'
import { ask, frameworks, type Running, type TestRoute } from '../support/web.ts'

/** How long a handler takes. */
const HANDLER = 20

describe.each(frameworks)('$name on one Redis', ({ name, serve }) => {
  it('K23: answers every page while Redis is frozen for 3 s', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url })
    const { cache, heard } = watched
    const answer: TestRoute['answer'] = async (request) => {
      await wait(HANDLER)
      return { body: `page ${request.url}` }
    }
    const site = await serve({ cache, etag: true, routes: [{ path: '/:id', cached: { ttl: '1m' }, answer }] })
    await ask(`${site.url}/0`)
    const [first, later] = [new Stopwatch(), new Stopwatch()]
    let wrong = 0
    const call = async (caller: number, turn: number) => {
      const path = `/${(caller + turn * 16) % 1_000}`
      const watch = heard.unavailable === 0 ? first : later
      const { status, text } = await watch.time(() => ask(site.url + path))
      if (status !== 200 || text !== `page ${path}`) wrong++
    }
    server.freeze()
    const { calls, failures } = await underLoad(16, call, wait(3_000))
    server.thaw()
    await eventually(async () => (await ask(`${site.url}/0`)).headers['cache-status']?.includes('hit'))
    await site.close()
    const measured = {
      framework: name,
      calls,
      failures,
      wrong,
      first: first.max,
      p50: later.quantile(0.5),
      p99: later.quantile(0.99),
      lateness: later.lateness,
      events: heard.unavailable,
    }
    report(
      'K23',
      'every page comes: at first within the handler and two reads, then 99 of 100 within the handler and one',
      measured,
      failures === 0 &&
        wrong === 0 &&
        heard.unavailable === 1 &&
        first.max <= HANDLER + 2 * READ + SLACK + first.lateness &&
        later.quantile(0.99) <= HANDLER + READ + SLACK + later.lateness,
    )
  })

  it('K17: refreshes a stale page once for all the servers that share it', async () => {
    await using server = await startRedis()
    await using one = watchedCache({ url: server.url })
    await using two = watchedCache({ url: server.url, namespace: one.namespace })
    let runs = 0
    const route: TestRoute = {
      path: '/',
      cached: { staleWhileRevalidate: '1h' },
      async answer() {
        const nth = ++runs
        if (nth > 1) await wait(300)
        return { body: `page ${nth}`, headers: { 'cache-control': `max-age=${nth > 1 ? 60 : 1}` } }
      },
    }
    const sites = await Promise.all([one, two].map(({ cache }) => serve({ cache, routes: [route] })))
    const [here, there] = sites as [Running, Running]
    const page = ({ url }: Running) => ask(url, { headers: { host: 'shop.example' } })
    await page(here)
    await eventually(async () => (await one.cache.getKeysCount()) > 0)
    await wait(1_100)
    const stale = await Promise.all(Array.from({ length: 1_000 }, (_, nth) => page(nth % 2 ? here : there)))
    const old = stale.filter(({ text }) => text === 'page 1').length
    await eventually(async () => (await page(there)).text !== 'page 1')
    await Promise.all(sites.map((site) => site.close()))
    report(
      'K17',
      'one refresh for a thousand stale hits on two servers',
      { framework: name, stale: old, refreshes: runs - 1 },
      old > 0 && stale.length === 1_000 && runs === 2,
    )
  })
})
