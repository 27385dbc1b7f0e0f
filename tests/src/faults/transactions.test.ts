import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { disk } from '@cashews/backend-disk'
import { memory } from '@cashews/backend-memory'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { transaction } from '@cashews/transactions'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { freshDirectory } from '../support/disk/fresh-directory.ts'
import { countUp } from '../support/faults/count-up.ts'
import { report, round } from '../support/faults/report.ts'
import { linesOf, startWork } from '../support/faults/work.ts'
import { PATIENT } from '../support/patience.ts'
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts'

const modes = ['locked', 'serializable'] as const

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server[Symbol.asyncDispose]())

const onRedis = () => ({ url: server.url, namespace: `fault:${crypto.randomUUID()}:` })
const onDisk = () => ({ directory: freshDirectory() })

describe.each(modes)('transactions that are %s', (mode) => {
  it.each([30, 300])(
    'F1: lose none of %i increments side by side in one process',
    async (times) => {
      const caches = {
        memory: createCache().setup(memory()),
        redis: createCache().setup(redis(onRedis()), PATIENT),
        disk: createCache().setup(disk({ ...onDisk(), shards: 1 }), PATIENT),
      }
      for (const [store, cache] of Object.entries(caches)) {
        const runs = await countUp(cache, mode, times)
        const lost = times - ((await cache.get<number>('count')) ?? 0)
        report('F1', 'lost 0', { store, mode, processes: 1, times, lost, runs }, lost === 0)
        await cache.close()
      }
    },
    180_000,
  )

  it.each([
    ['F1', 'redis'],
    ['F16', 'disk'],
  ])(
    '%s: lose none of the increments of four processes on %s',
    async (id, store) => {
      const place = store === 'redis' ? onRedis() : onDisk()
      const times = 30
      const workers = Array.from({ length: 4 }, () => startWork({ store: place, mode, role: 'count', times }))
      const told = await Promise.all(
        workers.map(async (worker) => JSON.parse((await linesOf(worker).next()).value ?? '')),
      )
      const cache = createCache().setup('url' in place ? redis(place) : disk({ ...place, shards: 1 }), PATIENT)
      const lost = 4 * times - ((await cache.get<number>('count')) ?? 0)
      await cache.close()
      const retries = told.reduce((sum, { runs }) => sum + runs, 0) - 4 * times
      report(id, 'lost 0, busy files retried', { store, mode, processes: 4, lost, retries }, lost === 0)
    },
    180_000,
  )
})

describe('a process inside a locked transaction', () => {
  it('F4: that is frozen for longer than its locks live does not write over what others wrote', async () => {
    const place = onRedis()
    const cache = createCache().setup(redis(place), PATIENT)
    const holder = startWork({ store: place, role: 'hold' })
    const lines = linesOf(holder)
    await lines.next()
    holder.kill('SIGSTOP')
    const frozen = performance.now()
    await transaction(cache, () => cache.set('a', 'ours'), { timeout: '10s' })
    const waited = round(performance.now() - frozen)
    holder.kill('SIGCONT')
    const { value: outcome = '' } = await lines.next()
    const [a, b] = await cache.getMany(['a', 'b'])
    await cache.close()
    const pass = a === 'ours' && b === undefined && outcome !== 'committed'
    report('F4', 'commit refused, the value of the other kept', { outcome, a: String(a), b: String(b), waited }, pass)
  }, 60_000)

  it('F6: that is killed leaves nothing to be seen, and its locks end', async () => {
    const place = onRedis()
    const cache = createCache().setup(redis(place), PATIENT)
    const holder = startWork({ store: place, role: 'hold' })
    await linesOf(holder).next()
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    const killed = performance.now()
    const seen = (await cache.getMany(['a', 'b'])).filter((value) => value !== undefined).length
    await transaction(cache, () => cache.set('a', 'ours'), { timeout: '10s' })
    const ms = round(performance.now() - killed)
    const kept = (await cache.get('a')) === 'ours'
    await cache.close()
    report('F6', 'nothing visible, locks gone within their 2 s', { seen, kept, ms }, seen === 0 && kept && ms <= 2_500)
  }, 60_000)
})

describe('a bank whose connections are cut', () => {
  const ACCOUNTS = Array.from({ length: 10 }, (_, at) => `account:${at}`)
  const TIME = 20_000

  it.each(modes)(
    'F15: keeps its total, with transactions that are %s',
    async (mode) => {
      const place = onRedis()
      const cache = createCache({ onError: () => {} }).setup(redis(place), PATIENT)
      const watcher = createCache().setup(redis({ ...place, connection: { connectionName: 'watcher' } }), PATIENT)
      await cache.setMany(Object.fromEntries(ACCOUNTS.map((account) => [account, 100])))
      let [committed, failed, violations, snapshots, kills] = [0, 0, 0, 0, 0]
      let isOver = false
      const transfer = async () => {
        const [from, to] = ACCOUNTS.toSorted(() => Math.random() - 0.5) as [string, string]
        await transaction(
          cache,
          async () => {
            const [held, other] = [(await cache.get<number>(from)) as number, (await cache.get<number>(to)) as number]
            await cache.set(from, held - 1)
            await cache.set(to, other + 1)
          },
          { mode, tries: 1_000, timeout: '2s', ...(mode === 'locked' && { keys: [from, to] }) },
        )
      }
      const work = async () => {
        while (!isOver) {
          await transfer().then(
            () => committed++,
            () => failed++,
          )
          // Transactions that are refused at once must not starve the event loop.
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      const look = async () => {
        while (!isOver) {
          const found = await watcher.getMany<number>(ACCOUNTS)
          const total = found.reduce<number>((sum, value) => sum + (value ?? 0), 0)
          if (total !== 1_000) violations++
          snapshots++
          await wait(20)
        }
      }
      const cut = async () => {
        while (!isOver) {
          await wait(150)
          const clients = String(await server.admin.client('LIST')).split('\n')
          for (const line of clients) {
            const [, id] = /^id=(\d+) /.exec(line) ?? []
            if (id === undefined || line.includes('name=watcher') || line.includes('cmd=client')) continue
            kills += await server.admin.client('KILL', 'ID', id as never).then(
              () => 1,
              () => 0,
            )
          }
        }
      }
      const working = Promise.all([...Array.from({ length: 8 }, work), look(), cut()])
      await wait(TIME)
      isOver = true
      await working
      await Promise.all([cache.close(), watcher.close()])
      const measured = {
        mode,
        violations,
        snapshots,
        kills,
        committed,
        failed,
        perSecond: round(committed / (TIME / 1_000)),
      }
      report('F15', 'the total is the same at every snapshot', measured, violations === 0 && committed > 0 && kills > 0)
    },
    120_000,
  )
})
