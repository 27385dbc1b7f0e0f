import { type RedisBackend, redis } from '@cashews/backend-redis'
import { describeBackend, type Feature } from '@cashews/conformance'
import type { Milliseconds } from '@cashews/core'
import { Cluster, Redis } from 'ioredis'
import { afterAll } from 'vitest'
import { eventually } from './eventually.ts'
import { age, slowed } from './slowed.ts'

/** A short lifetime by the clock that the kit moves. */
const UNIT: Milliseconds = 200

/** How many random sequences: each is some hundred round trips, and as many ways to let time pass. */
const MODEL_RUNS = 20

/** Where no server listens. */
const NOBODY = '127.0.0.1:1'

/** Where values live. */
export interface Place {
  readonly namespace: string
  readonly url?: string
  readonly cluster?: readonly string[]
}

/** Runs the kit on a place, and moves its time by hand. */
export function describePlace(
  name: string,
  locate: () => Place,
  { nearby = false, without = [] }: { readonly nearby?: boolean; readonly without?: readonly Feature[] } = {},
): void {
  const made: RedisBackend[] = []
  let admin: Redis | Cluster | undefined
  afterAll(() => admin?.disconnect())

  const create = () => {
    // Often asked whether it has heard everything: the kit waits for that.
    const backend = redis({ ...locate(), ...(nearby && { clientSide: { maxStale: '300ms' } }) })
    made.push(backend)
    return slowed(backend)
  }
  const elapse = async (duration: Milliseconds) => {
    const { url, cluster, namespace } = locate()
    admin ??= url === undefined ? new Cluster([...(cluster ?? [])]) : new Redis(url)
    if (admin.status !== 'ready') await new Promise((resolve) => admin?.once('ready', resolve))
    const masters = admin instanceof Cluster ? admin.nodes('master') : [admin]
    await Promise.all(masters.map((master) => age(master, namespace, duration)))
    const agedAt = performance.now()
    await eventually(() => made.every((backend) => hasHeard(backend, agedAt)))
  }
  describeBackend(name, create, {
    shared: true,
    unreachable: () => redis({ ...(locate().cluster ? { cluster: [NOBODY] } : { url: `redis://${NOBODY}` }) }),
    without: ['expired', ...without],
    elapse,
    unit: UNIT,
    model: { runs: MODEL_RUNS },
  })
}

/** Whether a backend knows of everything that had changed by then, or keeps no copies. */
function hasHeard({ clientSide }: RedisBackend, instant: number): boolean {
  return !clientSide?.live || performance.now() - clientSide.staleness >= instant
}
