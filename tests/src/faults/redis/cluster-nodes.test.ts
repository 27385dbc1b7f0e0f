import { setTimeout as wait } from 'node:timers/promises'
import slotOf from 'cluster-key-slot'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { hasHeard, isLive, underLoad, watchedCache } from '../../support/faults/cache.ts'
import { Judge } from '../../support/faults/judge.ts'
import { report, round } from '../../support/faults/report.ts'
import { PATIENT } from '../../support/patience.ts'
import { type RedisCluster, startCluster } from '../../support/redis/cluster.ts'
import { eventually } from '../../support/redis/eventually.ts'
import type { RedisServer } from '../../support/redis/redis-server.ts'

const MAX_STALE = 500
const clientSide = { maxStale: MAX_STALE / 1_000 }
const KEYS = Array.from({ length: 60 }, (_, at) => `k:${at}`)

describe('a Cluster without replicas', () => {
  let cluster: RedisCluster
  let nodes: readonly [RedisServer, RedisServer, RedisServer]
  beforeEach(async () => {
    cluster = await startCluster({ replicas: 0 })
    nodes = cluster.nodes as unknown as typeof nodes
  }, 60_000)
  afterEach(() => cluster[Symbol.asyncDispose]())

  it('D7, D12: most masters are lost, and come back', async () => {
    await using watched = watchedCache({ cluster: cluster.addresses })
    const { cache, heard } = watched
    const writeAll = async () => (await Promise.all(KEYS.map((key) => cache.set(key, 1)))).every(Boolean)
    await eventually(writeAll)
    nodes[1].freeze()
    nodes[2].freeze()
    await eventually(async () => (await nodes[0].admin.cluster('INFO')).includes('cluster_state:fail'))
    const [before, start] = [await commands(nodes[0]), performance.now()]
    heard.unavailable = 0
    const call = async (caller: number, turn: number) => {
      await cache.get(KEYS[(caller + turn) % KEYS.length] as string)
      await wait(5)
    }
    const { calls, failures } = await underLoad(8, call, wait(3_000))
    const perSecond = round(((await commands(nodes[0])) - before) / ((performance.now() - start) / 1_000))
    const outages = heard.unavailable
    const pass = failures === 0 && outages === 1 && perSecond < 30
    report(
      'D7',
      'no exception, one outage, and the master that is left is hardly asked',
      { calls, failures, outages, perSecond },
      pass,
    )

    nodes[1].thaw()
    nodes[2].thaw()
    await cluster.settled()
    const settledAt = performance.now()
    await eventually(writeAll)
    const recovery = round(performance.now() - settledAt)
    report('D12', 'used again within 2 s', { recovery }, recovery <= 2_000)
  }, 60_000)

  it('D8: a thousand slots have moved, and the client does not know it', async () => {
    await using watched = watchedCache({ cluster: cluster.addresses }, PATIENT)
    const { cache, namespace } = watched
    const keys = Array.from({ length: 500 }, (_, at) => `k:${at}`)
    await cache.setMany(Object.fromEntries(keys.map((key) => [key, key])))
    const slots = new Set(keys.map((key) => slotOf(namespace + key)).filter((slot) => slot < 5_000))
    for (let slot = 0; slots.size < 1_000; slot++) slots.add(slot)
    await Promise.all(Array.from(slots, (slot) => cluster.moveSlot(slot, nodes[0], nodes[1])))
    const refreshes = async () => {
      const stats = await Promise.all(nodes.map(({ admin }) => admin.info('commandstats')))
      const counts = Array.from(stats.join().matchAll(/cmdstat_cluster\|(?:slots|shards):calls=(\d+)/g), ([, n]) => n)
      return counts.reduce((sum, count) => sum + Number(count), 0)
    }
    const before = await refreshes()
    const start = performance.now()
    let [calls, wrong] = [0, 0]
    for (; calls < 10_000; calls += 100) {
      const asked = Array.from({ length: 100 }, (_, at) => keys[(calls + at) % keys.length] as string)
      const found = await Promise.all(asked.map((key) => cache.get(key)))
      wrong += found.filter((value, at) => value !== asked[at]).length
    }
    const seconds = (performance.now() - start) / 1_000
    const asked = (await refreshes()) - before
    const measured = { slots: slots.size, calls, wrong, refreshes: asked, seconds: round(seconds) }
    report(
      'D8',
      'all are found, with 10 looks at the slots at most in a second',
      measured,
      wrong === 0 && asked <= 10 * Math.max(1, seconds),
    )
  }, 60_000)

  it('D11: a master joins, and takes over slots that are used', async () => {
    await using joining = await startCluster({ masters: 1, replicas: 0 })
    const [joined] = joining.nodes as [RedisServer]
    await using near = watchedCache({ cluster: cluster.addresses, clientSide })
    await using writer = watchedCache(
      { cluster: cluster.addresses, namespace: near.namespace },
      { suppress: false, ...PATIENT },
    )
    await near.cache.init()
    await isLive(near)
    const names = KEYS.slice(0, 4).map((key) => near.namespace + key)
    const judge = new Judge()
    const call = async (caller: number) => {
      const key = KEYS[caller % 4] as string
      await (caller < 4 ? judge.write(writer.cache, key) : judge.read(near.cache, key))
      if (caller < 4) await wait(3)
    }
    const story = async () => {
      await joined.admin.cluster('FLUSHSLOTS')
      await joined.admin.call('CLUSTER', 'MEET', '127.0.0.1', nodes[0].port)
      const isKnown = async ({ admin }: RedisServer) => String(await admin.cluster('NODES')).split('\n').length > 4
      await eventually(async () => (await Promise.all(nodes.map(isKnown))).every(Boolean))
      await cluster.settled([...nodes, joined])
      for (const name of names) {
        await cluster.moveSlot(slotOf(name), await cluster.masterOf(name), joined)
        await wait(100)
      }
      await eventually(() => near.backend.clientSide?.live)
      await wait(500)
    }
    const { calls, failures } = await underLoad(8, call, story())
    await hasHeard(near)
    const wrong = await judge.wrongAtRest(near.cache, writer.cache)
    const measured = { calls, failures, writes: judge.writes, refused: judge.refused, maxAge: judge.maxAge, wrong }
    const pass = failures === 0 && judge.refused === 0 && judge.maxAge <= MAX_STALE && wrong === 0
    report('D11', 'nobody notices', measured, pass)
  }, 60_000)

  it('D13: a master is started again, and is empty', async () => {
    await using near = watchedCache({ cluster: cluster.addresses, clientSide })
    const { cache } = near
    await eventually(async () => (await Promise.all(KEYS.map((key) => cache.set(key, 'old')))).every(Boolean))
    await isLive(near)
    await eventually(async () => {
      await cache.getMany(KEYS)
      return KEYS.every((key) => near.backend.getNow?.(key) === 'old')
    })
    const owners = await Promise.all(KEYS.map((key) => cluster.masterOf(near.namespace + key)))
    await nodes[2].kill()
    await nodes[2].start()
    await cluster.settled()
    let exceptions = 0
    const read = () => cache.getMany(KEYS).catch(() => void exceptions++)
    await eventually(async () => {
      const found = (await read()) ?? []
      return found.every((value, at) => value === (owners[at] === nodes[2] ? undefined : 'old'))
    })
    await eventually(async () => (await Promise.all(KEYS.map((key) => cache.set(key, 'new')))).every(Boolean))
    const wrong = (await cache.getMany(KEYS)).filter((value) => value !== 'new').length
    const lost = owners.filter((owner) => owner === nodes[2]).length
    report(
      'D13',
      'its keys are misses, without a copy that says otherwise',
      { lost, exceptions, wrong },
      exceptions + wrong === 0 && lost > 0,
    )
  }, 60_000)
})

/** How many commands a server was sent so far, those included that it refused. */
async function commands({ admin }: RedisServer): Promise<number> {
  const counts = (await admin.info('commandstats')).matchAll(/(?<!failed_)calls=(\d+)/g)
  return Array.from(counts, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0)
}
