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

/** The stores that have the same labels. */
interface Group {
  readonly labels: { readonly backend: string; readonly keys: string }
  readonly backends: Set<Backend>
}

/** Makes one number of those of several stores. */
type Together = (...numbers: number[]) => number

const sum: Together = (...numbers) => numbers.reduce((all, number) => all + number, 0)

function copiesOf(backend: Backend): ClientSide | undefined {
  return (backend as { readonly clientSide?: ClientSide }).clientSide
}

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
  /** Stores of several caches with the same labels are told of together. */
  const groups = (): Iterable<Group> => {
    const byLabels = new Map<string, Group>()
    for (const cache of caches)
      for (const { backend, prefix: keys } of cache.engine.routes) {
        const name = JSON.stringify([backend.name, keys])
        const group = byLabels.get(name) ?? { labels: { backend: backend.name, keys }, backends: new Set() }
        byLabels.set(name, group)
        group.backends.add(backend)
      }
    return byLabels.values()
  }
  /** @param read Answers `undefined` for a store that has no such number. */
  const gauge = (name: string, help: string, read: (backend: Backend) => number | undefined, together: Together) =>
    new Gauge({
      name: `${prefix}${name}`,
      help,
      labelNames: ['backend', 'keys'],
      registers,
      collect() {
        this.reset()
        for (const { backends, labels } of groups()) {
          const numbers = [...backends].map(read).filter((number) => number !== undefined)
          if (numbers.length > 0) this.set(labels, together(...numbers))
        }
      },
    })
  const isUp = (backend: Backend) => (away.has(backend) ? 0 : 1)
  gauge(
    'backend_up',
    'Whether a store is used: 0 while it is away. The label keys is the key prefix it answers for.',
    isUp,
    Math.min,
  )
  gauge('entries', 'How many keys a store in this process holds.', (backend) => backend.usage?.().entries, sum)
  gauge(
    'bytes',
    'About how many bytes they take, of a store that counts them.',
    (backend) => backend.usage?.().bytes,
    sum,
  )
  gauge(
    'client_side_staleness_seconds',
    'How old a copy in this process may be at most, in seconds, while copies are used.',
    (backend) => {
      const copies = copiesOf(backend)
      return copies?.live ? copies.staleness / 1_000 : undefined
    },
    Math.max,
  )
  gauge(
    'client_side_live',
    'Whether copies in this process are used: 0 while invalidations may be missed.',
    (backend) => copiesOf(backend) && Number(copiesOf(backend)?.live),
    Math.min,
  )
  new Counter({
    name: `${prefix}client_side_events_total`,
    help: 'What happened to copies in this process.',
    labelNames: ['backend', 'keys', 'event'],
    registers,
    collect() {
      this.reset()
      for (const { backends, labels } of groups())
        for (const backend of backends) {
          const copies = copiesOf(backend)
          if (copies) for (const event of EVENTS) this.inc({ ...labels, event }, copies[event])
        }
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
