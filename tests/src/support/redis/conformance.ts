import { type RedisBackend, redis } from '@cashews/backend-redis'
import { describeBackend, type Feature } from '@cashews/conformance'
import type { Milliseconds } from '@cashews/core'
import { Cluster, Redis } from 'ioredis'
import { afterAll } from 'vitest'
import { eventually } from './eventually.ts'
import { age, slowed } from './slowed.ts'

/** The unit of lifetimes in the kit, on its own clock. */
const UNIT: Milliseconds = 200

/** The number of random sequences, each of which takes some hundred round trips. */
const MODEL_RUNS = 20

/** An address where no server listens. */
const NOBODY = '127.0.0.1:1'

/** The server and namespace of values. */
export interface Place {
  readonly namespace: string
  readonly url?: string
  readonly cluster?: readonly string[]
}

/** Runs the conformance kit on a server, and controls its time. */
export function describePlace(
  name: string,
  locate: () => Place,
  { nearby = false, without = [] }: { readonly nearby?: boolean; readonly without?: readonly Feature[] } = {},
): void {
  const made: RedisBackend[] = []
  let admin: Redis | Cluster | undefined
  afterAll(() => admin?.disconnect())

  const create = () => {
    // A small maxStale, because the kit waits until all invalidations were received.
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

/** Whether a backend has received all invalidations up to an instant, or keeps no copies. */
function hasHeard({ clientSide }: RedisBackend, instant: number): boolean {
  return !clientSide?.live || performance.now() - clientSide.staleness >= instant
}
