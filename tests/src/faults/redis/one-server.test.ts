import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { cached } from '@cashews/strategies'
import { describe, it } from 'vitest'
import { READ, SLACK, underLoad, WRITE, watchedCache } from '../../support/faults/cache.ts'
import { usedMemory } from '../../support/faults/memory.ts'
import { report, round, Stopwatch } from '../../support/faults/report.ts'
import { eventually } from '../../support/redis/eventually.ts'
import { startProxy } from '../../support/redis/proxy.ts'
import { startRedis } from '../../support/redis/redis-server.ts'

/** A cached call reads and then writes. */
const CALL = READ + WRITE + SLACK

/** How much memory this process may keep while it does without a server, in megabytes. */
const MOST_GROWTH = 20

/** A script of up to three seconds. */
const BUSY = `local start = redis.call('TIME')[1] while redis.call('TIME')[1] - start < 3 do end`

describe('one Redis', () => {
  it('A2, A3: is killed under load, and comes back', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url })
    const { cache, heard, namespace } = watched
    const load = cached(cache, { ttl: 60, key: 'k:{0}' }, async (id: number) => ({ id }))
    await cache.init()
    const stopwatch = new Stopwatch()
    const refused = new Map<string, number>()
    let [wrong, readyAt, hitAt] = [0, 0, 0]
    const call = async (caller: number, turn: number) => {
      const id = (caller * 7 + turn) % 500
      if ((await stopwatch.time(() => load(id))).id !== id) wrong++
      const key = `w:${caller}:${turn}`
      if (turn % 50 === 0 && !(await cache.set(key, turn))) refused.set(key, turn)
    }
    const story = async () => {
      await wait(400)
      await server.kill()
      await wait(1_200)
      await server.start()
      readyAt = performance.now()
      await cache.set('hit', 1)
      await eventually(async () => (await cache.set('hit', 1)) && (await cache.get('hit')) === 1)
      hitAt = performance.now()
      await wait(300)
    }
    const { calls, failures } = await underLoad(32, call, story())
    const p99 = stopwatch.quantile(0.99)
    const pass = failures === 0 && wrong === 0 && p99 <= CALL && stopwatch.max <= CALL + stopwatch.lateness
    const heardOf = { events: heard.unavailable, reports: heard.errors.length }
    report(
      'A2',
      'no exception, no wrong answer, within the budget',
      { calls, failures, wrong, p99, max: stopwatch.max, ...heardOf },
      pass && heard.unavailable === 1 && heard.errors.length === 1,
    )

    const names = [...refused.keys()].map((key) => namespace + key)
    const ghosts = names.length === 0 ? 0 : await server.admin.exists(...names)
    const recovery = round(hitAt - readyAt)
    const back = { recovery, refused: names.length, ghosts, events: heard.available }
    report(
      'A3',
      'used again within a second, and no write that was refused shows up',
      back,
      recovery <= 1_000 && ghosts === 0 && heard.available === 1,
    )
  })

  it('A4: is frozen for 3 s', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url })
    const { cache, heard } = watched
    const load = cached(cache, { ttl: 60, key: 'k:{0}' }, async (id: number) => ({ id }))
    await load(1)
    const before = usedMemory()
    const [first, later] = [new Stopwatch(), new Stopwatch()]
    const call = async (caller: number, turn: number) => {
      await (heard.unavailable === 0 ? first : later).time(() => load((caller + turn * 16) % 1_000))
    }
    server.freeze()
    const { calls, failures } = await underLoad(16, call, wait(3_000))
    const grown = round(usedMemory() - before)
    server.thaw()
    const thawedAt = performance.now()
    await eventually(async () => (await cache.set('hit', 1)) && (await cache.get('hit')) === 1)
    const recovery = round(performance.now() - thawedAt)
    const measured = {
      calls,
      failures,
      first: first.max,
      p99: later.quantile(0.99),
      grown,
      recovery,
      events: heard.unavailable,
      reports: heard.errors.length,
    }
    const bounded = first.max <= CALL + first.lateness && measured.p99 <= 1 + later.lateness
    report(
      'A4',
      `two deadlines, then nothing, also of memory (${MOST_GROWTH} MB at most); used again within half a second`,
      measured,
      failures === 0 && bounded && recovery <= 500 && heard.unavailable === 1 && grown <= MOST_GROWTH,
    )
  })

  it('A6: writes are paused for 2 s', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url })
    const { cache } = watched
    await cache.set('k', 1)
    await server.admin.client('PAUSE', 2_000, 'WRITE')
    const [reads, writes] = [new Stopwatch(), new Stopwatch()]
    let written = 0
    const call = async (caller: number) => {
      if (caller > 0) await reads.time(() => cache.get('k'))
      else if (await writes.time(() => cache.set('k', 2))) written++
    }
    const { failures } = await underLoad(4, call, wait(1_500))
    const measured = {
      reads: reads.count,
      p50: reads.quantile(0.5),
      p99: reads.quantile(0.99),
      writes: writes.count,
      longest: writes.max,
      written,
      failures,
    }
    report(
      'A6',
      'reads stay quick, writes end at their deadline',
      measured,
      measured.p99 < 5 + reads.lateness &&
        writes.max <= WRITE + SLACK + writes.lateness &&
        written === 0 &&
        failures === 0,
    )
  })

  it('A13: a script keeps it busy', async () => {
    await using server = await startRedis({ args: ['--busy-reply-threshold', '200'] })
    const maxStale = 500
    await using watched = watchedCache({ url: server.url, clientSide: { maxStale: maxStale / 1_000 } })
    const { cache, backend, heard, namespace } = watched
    await cache.set('k', 1)
    await eventually(() => backend.clientSide?.live)
    await cache.get('k')

    // In one cycle of the server, so that the write is acknowledged while the script runs, and its invalidation waits.
    const [writer, runner] = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')]
    await Promise.all([once(writer, 'connect'), once(runner, 'connect')])
    await wait(20)
    let acknowledgedAt = Number.POSITIVE_INFINITY
    writer.once('data', () => {
      acknowledgedAt = performance.now()
    })
    const startedAt = performance.now()
    server.freeze()
    writer.write(`SET ${namespace}k 2\r\n`)
    runner.write(`EVAL "${BUSY}" 0\r\n`)
    await wait(10)
    server.thaw()
    const stopwatch = new Stopwatch()
    let [stale, failures] = [0, 0]
    const call = async () => {
      const value = await stopwatch.time(() => cache.get('k')).catch(() => failures++)
      if (value === 1 || backend.getNow?.('k') === 1) stale = Math.max(stale, performance.now() - acknowledgedAt)
      await wait(1)
    }
    await underLoad(2, call, wait(3_500))
    await eventually(async () => (await cache.get('k')) === 2)
    writer.destroy()
    runner.destroy()
    const measured = {
      acknowledged: round(acknowledgedAt - startedAt),
      stale: round(stale),
      maxStale,
      max: stopwatch.max,
      failures,
      events: heard.unavailable,
    }
    report(
      'A13',
      'no copy outlives maxStale, though BUSY is answered',
      measured,
      failures === 0 && stale <= maxStale && stopwatch.max <= READ + SLACK + stopwatch.lateness,
    )
  })

  it('A12: a script keeps it from answering for a second', async () => {
    await using server = await startRedis()
    await using watched = watchedCache({ url: server.url })
    const { cache } = watched
    await cache.set('k', 1)
    const stopwatch = new Stopwatch()
    const busy = server.admin.eval(
      `local start = redis.call('TIME') repeat local now = redis.call('TIME')
      until (now[1] - start[1]) * 1e6 + now[2] - start[2] > 1e6`,
      0,
    )
    const { calls, failures } = await underLoad(4, () => stopwatch.time(() => cache.get('k')), busy)
    await eventually(async () => (await cache.get('k')) === 1)
    const measured = { calls, failures, p99: stopwatch.quantile(0.99), max: stopwatch.max }
    const pass = failures === 0 && measured.max <= READ + SLACK + stopwatch.lateness
    report('A12', 'nobody waits for longer than the deadline', measured, pass)
  })

  it.each([20, 50, 90, 150])('A14: every answer takes %i ms', async (latency) => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using watched = watchedCache({ host: '127.0.0.1', port: proxy.port })
    const { cache, heard, namespace } = watched
    await using direct = watchedCache({ url: server.url, namespace })
    await direct.cache.set('k', 1)
    await cache.get('k')
    proxy.delay({ down: latency })
    const stopwatch = new Stopwatch()
    let [right, wrong] = [0, 0]
    const call = async () => {
      const found = await stopwatch.time(() => cache.get('k'))
      if (found === 1) right++
      else wrong++
    }
    const { calls, failures } = await underLoad(4, call, wait(2_000))
    proxy.heal()
    await eventually(async () => (await cache.get('k')) === 1)
    const measured = { latency, calls, failures, right, wrong, max: stopwatch.max, events: heard.unavailable }
    const isAnswered = latency + stopwatch.lateness < READ - SLACK ? wrong === 0 : latency < READ || right === 0
    const inTime = stopwatch.max <= READ + SLACK + stopwatch.lateness
    // It is probed four times a second, and may be believed each time.
    const pass = failures === 0 && isAnswered && inTime && heard.unavailable <= 4 * 2
    report('A14', 'answers within the deadline count, later ones are done without', measured, pass)
  })

  it('A15: half of all bytes are held back for a while', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using watched = watchedCache({ host: '127.0.0.1', port: proxy.port })
    const { cache } = watched
    const load = cached(cache, { ttl: 60, key: 'k:{0}' }, async (id: number) => ({ id }))
    await cache.init()
    const stopwatch = new Stopwatch()
    let wrong = 0
    const call = async (caller: number, turn: number) => {
      const id = caller * 1_000 + (turn % 100)
      if ((await stopwatch.time(() => load(id))).id !== id) wrong++
      await wait(1)
    }
    const story = async () => {
      for (let turn = 0; turn < 60; turn++) {
        proxy.delay({ up: turn % 3 === 0 ? 5_000 : 0, down: turn % 2 ? 5_000 : 0 })
        await wait(50)
      }
      proxy.heal()
    }
    const { calls, failures } = await underLoad(8, call, story())
    await eventually(async () => (await cache.set('back', 1)) && (await cache.get('back')) === 1)
    const measured = { calls, failures, wrong, max: stopwatch.max }
    const pass = failures === 0 && wrong === 0 && stopwatch.max <= CALL + stopwatch.lateness
    report('A15', 'no exception, no wrong answer, within the budget', measured, pass)
  })
})
