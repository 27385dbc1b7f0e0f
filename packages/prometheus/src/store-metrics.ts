import type { Backend, Cache } from '@cashews/core'
import { Counter, Gauge } from 'prom-client'
import type { Given } from './function-metrics.ts'

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

/** Registers the metrics of stores. Returns a function that starts watching a cache. */
export function storeMetrics({ registry, prefix, caches }: Given): (cache: Cache) => void {
  const registers = [registry]
  const removed = new Counter({
    name: `${prefix}removed_total`,
    help: 'Keys that a store dropped by itself, because it was full or their time was over.',
    labelNames: ['backend', 'reason'],
    registers,
  })
  const away = new WeakSet<Backend>()
  const outages = new Counter({
    name: `${prefix}outages_total`,
    help: 'How often a store was given up because it did not answer.',
    labelNames: ['backend'],
    registers,
  })
  const stores = function* () {
    for (const cache of caches)
      for (const { backend, prefix: keys } of cache.routes) yield { backend, labels: { backend: backend.name, keys } }
  }
  new Gauge({
    name: `${prefix}backend_up`,
    help: 'Whether a store is used: 0 while it is away. The label keys is the key prefix it answers for.',
    labelNames: ['backend', 'keys'],
    registers,
    collect() {
      this.reset()
      for (const { backend, labels } of stores()) this.set(labels, away.has(backend) ? 0 : 1)
    },
  })
  const usage = (name: 'entries' | 'bytes', help: string) =>
    new Gauge({
      name: `${prefix}${name}`,
      help,
      labelNames: ['backend', 'keys'],
      registers,
      collect() {
        this.reset()
        for (const { backend, labels } of stores()) {
          const count = backend.usage?.()[name]
          if (count !== undefined) this.set(labels, count)
        }
      },
    })
  usage('entries', 'How many keys a store in this process holds.')
  usage('bytes', 'About how many bytes they take, of a store that counts them.')

  const copies = function* () {
    for (const { backend, labels } of stores()) {
      const { clientSide } = backend as { readonly clientSide?: ClientSide }
      if (clientSide) yield { clientSide, labels }
    }
  }
  new Gauge({
    name: `${prefix}client_side_staleness_seconds`,
    help: 'How old a copy in this process may be at most, in seconds, while copies are used.',
    labelNames: ['backend', 'keys'],
    registers,
    collect() {
      this.reset()
      for (const { clientSide, labels } of copies()) if (clientSide.live) this.set(labels, clientSide.staleness / 1_000)
    },
  })
  new Gauge({
    name: `${prefix}client_side_live`,
    help: 'Whether copies in this process are used: 0 while invalidations may be missed.',
    labelNames: ['backend', 'keys'],
    registers,
    collect() {
      this.reset()
      for (const { clientSide, labels } of copies()) this.set(labels, clientSide.live ? 1 : 0)
    },
  })
  new Counter({
    name: `${prefix}client_side_events_total`,
    help: 'What happened to copies in this process.',
    labelNames: ['backend', 'keys', 'event'],
    registers,
    collect() {
      this.reset()
      for (const { clientSide, labels } of copies())
        for (const event of EVENTS) this.inc({ ...labels, event }, clientSide[event])
    },
  })

  return (cache) => {
    cache.on('removed', ({ backend, reason }) => removed.inc({ backend: backend.name, reason }))
    cache.on('unavailable', ({ backend }) => {
      away.add(backend)
      outages.inc({ backend: backend.name })
    })
    cache.on('available', ({ backend }) => away.delete(backend))
  }
}
