import type { Backend } from '@cashews/core'
import { Counter } from 'prom-client'
import type { Given } from './function-metrics.ts'
import { STORE_LABELS, storeGauge, storeGroups } from './store-groups.ts'

/** What a store with client-side copies reports about them. */
interface ClientSide {
  readonly live: boolean
  /** How stale a copy may be, in milliseconds. */
  readonly staleness: number
  readonly hits: number
  readonly misses: number
  readonly refused: number
  readonly flushes: number
  readonly invalidations: number
}

const EVENTS = ['hits', 'misses', 'refused', 'flushes', 'invalidations'] as const

/** Registers the metrics of client-side copies, for stores that have some. */
export function clientSideMetrics(given: Given): void {
  const { registry, prefix, caches } = given
  storeGauge(given, {
    name: 'client_side_staleness_seconds',
    help: 'How old a copy in this process may be at most, in seconds, while copies are used.',
    read(backend) {
      const copies = copiesOf(backend)
      return copies?.live ? copies.staleness / 1_000 : undefined
    },
    combine: Math.max,
  })
  storeGauge(given, {
    name: 'client_side_live',
    help: 'Whether copies in this process are used: 0 while invalidations may be missed.',
    read: (backend) => copiesOf(backend) && Number(copiesOf(backend)?.live),
    combine: Math.min,
  })
  new Counter({
    name: `${prefix}client_side_events_total`,
    help: 'What happened to copies in this process.',
    labelNames: [...STORE_LABELS, 'event'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { backends, labels } of storeGroups(caches))
        for (const backend of backends) {
          const copies = copiesOf(backend)
          if (copies) for (const event of EVENTS) this.inc({ ...labels, event }, copies[event])
        }
    },
  })
}

function copiesOf(backend: Backend): ClientSide | undefined {
  return (backend as { readonly clientSide?: ClientSide }).clientSide
}
