import { setTimeout as wait } from 'node:timers/promises'
import { describe, it } from 'vitest'
import { READ, SLACK, underLoad, WRITE, watchedCache } from '../support/faults/cache.ts'
import { Judge } from '../support/faults/judge.ts'
import { type Measured, report, round, Stopwatch } from '../support/faults/report.ts'
import { eventually } from '../support/redis/eventually.ts'
import type { RedisServer } from '../support/redis/redis-server.ts'
import { type SentinelGroup, startSentinel } from '../support/redis/sentinel.ts'

const MAX_STALE = 500

/** What a failover cost. */
interface Cost extends Measured {
  readonly outage: number
  readonly failures: number
  readonly read: number
  readonly write: number
  readonly maxAge: number
  readonly flushes: number
}

/** Reads and writes while the master changes, with copies near at hand. */
async function during(group: SentinelGroup, change: (master: RedisServer) => Promise<unknown>): Promise<Cost> {
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
    await change(master)
    await eventually(async () => (await group.master()) !== master, 20_000)
    const { writes: then } = judge
    await eventually(() => judge.writes > then + 20, 20_000)
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
  it('C1 to C4: the master changes, dies and freezes', async () => {
    await using group = await startSentinel()
    const costs: Cost[] = []

    const manual = await during(group, () => group.failover())
    costs.push(manual)
    report(
      'C3',
      'a manual failover costs a second at most',
      manual,
      manual.outage <= 1_000 && manual.failures === 0 && inTime(manual),
    )
    await group.settled()

    let dead: RedisServer | undefined
    const killed = await during(group, async (master) => {
      dead = master
      await master.kill()
    })
    costs.push(killed)
    report(
      'C1',
      'written again within 4 s of a death',
      killed,
      killed.outage <= 4_000 && killed.failures === 0 && inTime(killed),
    )
    await dead?.start()
    await group.settled()

    let frozen: RedisServer | undefined
    const froze = await during(group, async (master) => {
      frozen = master
      master.freeze()
    })
    frozen?.thaw()
    costs.push(froze)
    report(
      'C2',
      'written again within 6 s of a freeze',
      froze,
      froze.outage <= 6_000 && froze.failures === 0 && inTime(froze),
    )

    const [maxAge, flushes] = [Math.max(...costs.map((cost) => cost.maxAge)), costs.map((cost) => cost.flushes)]
    report(
      'C4',
      `no copy older than ${MAX_STALE} ms, whoever is master`,
      { maxAge, flushes: flushes.join() },
      maxAge <= MAX_STALE && flushes.every((count) => count >= 1),
    )
  }, 240_000)
})
