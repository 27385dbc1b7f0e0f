import { setTimeout as wait } from 'node:timers/promises'
import { describe, it } from 'vitest'
import { READ, SLACK, underLoad, WRITE, watchedCache } from '../../support/faults/cache.ts'
import { Judge } from '../../support/faults/judge.ts'
import { type Measured, report, round, Stopwatch } from '../../support/faults/report.ts'
import { eventually } from '../../support/redis/eventually.ts'
import type { RedisServer } from '../../support/redis/redis-server.ts'
import { type SentinelGroup, startSentinel } from '../../support/redis/sentinel.ts'

const MAX_STALE = 500

/** The effects of a failover. */
interface Cost extends Measured {
  readonly outage: number
  readonly failures: number
  readonly read: number
  readonly write: number
  readonly maxAge: number
  readonly flushes: number
}

/**
 * Reads and writes while the master changes, with copies near at hand. Each time it is a group of its own: Sentinels need
 * tens of seconds until all is as it was, and begin no failover within six of the last.
 */
async function during(change: (master: RedisServer, group: SentinelGroup) => Promise<unknown>): Promise<Cost> {
  await using group = await startSentinel()
  await using watched = watchedCache({
    sentinels: group.addresses,
    name: group.name,
    clientSide: { maxStale: MAX_STALE / 1_000 },
  })
  const { cache, backend } = watched
  await eventually(() => cache.set('k', 1))
  await eventually(() => backend.clientSide?.live)
  const judge = new Judge()
  const [reads, writes] = [new Stopwatch(), new Stopwatch()]
  const { flushes: before = 0 } = backend.clientSide ?? {}
  let [last, outage] = [performance.now(), 0]
  const call = async (caller: number) => {
    const key = `k:${caller % 4}`
    if (caller >= 4) return reads.time(() => judge.read(cache, key, cache))
    const { writes: done } = judge
    await writes.time(() => judge.write(cache, key))
    if (judge.writes > done) {
      outage = Math.max(outage, performance.now() - last)
      last = performance.now()
    }
    return wait(5)
  }
  const story = async () => {
    await wait(300)
    const master = await group.master()
    await change(master, group)
    await eventually(async () => (await group.master()) !== master, 20_000)
    const { writes: then } = judge
    await eventually(() => judge.writes > then + 20, 20_000)
    await eventually(() => backend.clientSide?.live, 20_000)
    await wait(500)
  }
  const { failures } = await underLoad(8, call, story())
  const { flushes = 0 } = backend.clientSide ?? {}
  const lateness = Math.max(reads.lateness, writes.lateness)
  return {
    outage: round(outage),
    failures,
    reads: reads.count,
    writes: writes.count,
    read: reads.max,
    write: writes.max,
    lateness: round(lateness),
    maxAge: judge.maxAge,
    lost: judge.lost,
    flushes: flushes - before,
  }
}

const inTime = ({ read, write, lateness }: Cost) =>
  read <= READ + SLACK + Number(lateness) && write <= WRITE + SLACK + Number(lateness)

describe('Sentinel', () => {
  const costs: Cost[] = []

  it.each([
    [
      'C3',
      'a manual failover costs a second at most',
      1_000,
      (_: RedisServer, group: SentinelGroup) => group.failover(),
    ],
    ['C1', 'written again within 4 s of a death', 4_000, (master: RedisServer) => master.kill()],
    ['C2', 'written again within 6 s of a freeze', 6_000, async (master: RedisServer) => master.freeze()],
  ] as const)(
    '%s: %s',
    async (id, promise, longest, change) => {
      const cost = await during(change)
      costs.push(cost)
      report(id, promise, cost, cost.outage <= longest && cost.failures === 0 && inTime(cost))
    },
    90_000,
  )

  it('C4: client-side copies during failovers', () => {
    const [maxAge, flushes] = [Math.max(...costs.map((cost) => cost.maxAge)), costs.map((cost) => cost.flushes)]
    report(
      'C4',
      `no copy older than ${MAX_STALE} ms, whoever is master`,
      { maxAge, flushes: flushes.join() },
      costs.length === 3 && maxAge <= MAX_STALE && flushes.every((count) => count >= 1),
    )
  })
})
