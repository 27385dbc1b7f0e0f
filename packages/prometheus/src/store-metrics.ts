import type { Backend } from '@cashews/core'
import { Counter } from 'prom-client'
import { clientSideMetrics } from './client-side-metrics.ts'
import type { Given, Watch } from './function-metrics.ts'
import { storeGauge, sum } from './store-groups.ts'

/** Registers the metrics of stores. */
export function storeMetrics(given: Given): Watch {
  const watches = [countRemovals(given), countOutages(given)]
  storeGauge(given, {
    name: 'entries',
    help: 'How many keys a store in this process holds.',
    read: (backend) => backend.usage?.().entries,
    combine: sum,
  })
  storeGauge(given, {
    name: 'bytes',
    help: 'About how many bytes they take, of a store that counts them.',
    read: (backend) => backend.usage?.().bytes,
    combine: sum,
  })
  clientSideMetrics(given)
  return (cache) => {
    for (const watch of watches) watch(cache)
  }
}

function countRemovals({ registry, prefix }: Given): Watch {
  const removed = new Counter({
    name: `${prefix}removed_total`,
    help: 'Keys that a store dropped by itself, because it was full or their time was over.',
    labelNames: ['backend', 'reason'],
    registers: [registry],
  })
  return (cache) => {
    cache.on('removed', ({ backend, reason }) => removed.inc({ backend: backend.name, reason }))
  }
}

function countOutages(given: Given): Watch {
  const { registry, prefix } = given
  const away = new WeakSet<Backend>()
  const outages = new Counter({
    name: `${prefix}outages_total`,
    help: 'How often a store was given up because it did not answer.',
    labelNames: ['backend'],
    registers: [registry],
  })
  storeGauge(given, {
    name: 'backend_up',
    help: 'Whether a store is used: 0 while it is away. The label keys is the key prefix it answers for.',
    read: (backend) => (away.has(backend) ? 0 : 1),
    combine: Math.min,
  })
  return (cache) => {
    cache.on('unavailable', ({ backend }) => {
      away.add(backend)
      outages.inc({ backend: backend.name })
    })
    cache.on('available', ({ backend }) => away.delete(backend))
  }
}
