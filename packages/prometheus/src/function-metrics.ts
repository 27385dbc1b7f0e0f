import type { Cache } from '@cashews/core'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { BoundedLabel } from './label-sets.ts'

/** What every group of metrics needs. */
export interface Given {
  readonly registry: Registry
  readonly prefix: string
  readonly buckets: readonly number[]
  readonly caches: ReadonlySet<Cache>
}

/** Starts watching a cache. */
export type Watch = (cache: Cache) => void

/** The most circuit breakers that are tracked while they are not closed. */
const MOST_CIRCUITS = 10_000

/** Registers the metrics of strategies, by key template. */
export function functionMetrics(given: Given): Watch {
  const template = new BoundedLabel()
  countCalls(given, template)
  const watches = [
    measureRuns(given, template),
    countRefusals(given, template),
    trackCircuits(given, template),
    measureLockWaits(given),
    countTransactions(given),
  ]
  return (cache) => {
    for (const watch of watches) watch(cache)
  }
}

/** Collects the counts that caches keep themselves. */
function countCalls({ registry, prefix, caches }: Given, label: BoundedLabel): void {
  new Counter({
    name: `${prefix}calls_total`,
    help: 'Calls of cached functions: answered from the cache (hit, stale), computed (miss, refresh), or by the load of another caller (shared).',
    labelNames: ['template', 'result'],
    registers: [registry],
    collect() {
      this.reset()
      for (const cache of caches)
        for (const { template, hits, stale, misses, refreshes, shared } of cache.engine.tallies) {
          const counts = { hit: hits, stale, miss: misses, refresh: refreshes, shared }
          for (const [result, count] of Object.entries(counts))
            if (count > 0) this.inc({ template: label.of(template), result }, count)
        }
    },
  })
}

function measureRuns({ registry, prefix, buckets }: Given, label: BoundedLabel): Watch {
  const seconds = new Histogram({
    name: `${prefix}load_seconds`,
    help: 'How long wrapped functions ran, in seconds.',
    labelNames: ['template'],
    buckets: [...buckets],
    registers: [registry],
  })
  const errors = new Counter({
    name: `${prefix}load_errors_total`,
    help: 'Runs of wrapped functions that failed.',
    labelNames: ['template'],
    registers: [registry],
  })
  return (cache) => {
    cache.engine.watchRuns(async (template, run) => {
      const started = performance.now()
      try {
        return await run()
      } catch (error) {
        errors.inc({ template: label.of(template) })
        throw error
      } finally {
        seconds.observe({ template: label.of(template) }, (performance.now() - started) / 1_000)
      }
    })
  }
}

function countRefusals({ registry, prefix }: Given, label: BoundedLabel): Watch {
  const refused = new Counter({
    name: `${prefix}refused_total`,
    help: 'Calls turned away by a rate limit or a circuit breaker.',
    labelNames: ['template', 'strategy'],
    registers: [registry],
  })
  return (cache) => {
    cache.on('refused', ({ template, strategy }) => refused.inc({ template: label.of(template), strategy }))
  }
}

function trackCircuits({ registry, prefix }: Given, label: BoundedLabel): Watch {
  const changes = new Counter({
    name: `${prefix}circuit_changes_total`,
    help: 'Changes of circuit breakers to a state, brought about by this process.',
    labelNames: ['template', 'state'],
    registers: [registry],
  })
  const circuits = new Map<string, { readonly template: string; readonly state: string }>()
  new Gauge({
    name: `${prefix}circuits`,
    help: 'Circuit breakers that this process opened, or found half-open, and has not seen closed.',
    labelNames: ['template', 'state'],
    registers: [registry],
    collect() {
      this.reset()
      for (const labels of circuits.values()) this.inc(labels)
    },
  })
  return (cache) => {
    cache.on('circuit', ({ template, key, state }) => {
      const labels = { template: label.of(template), state }
      changes.inc(labels)
      if (state === 'closed') circuits.delete(key)
      else if (circuits.size < MOST_CIRCUITS || circuits.has(key)) circuits.set(key, labels)
    })
  }
}

function measureLockWaits({ registry, prefix, buckets }: Given): Watch {
  const waits = new Histogram({
    name: `${prefix}lock_wait_seconds`,
    help: 'How long takers of locks waited, in seconds, by whether they got it.',
    labelNames: ['result'],
    buckets: [...buckets],
    registers: [registry],
  })
  return (cache) => {
    cache.on('lock', ({ taken, waited }) => waits.observe({ result: taken ? 'taken' : 'refused' }, waited))
  }
}

function countTransactions({ registry, prefix }: Given): Watch {
  const transactions = new Counter({
    name: `${prefix}transactions_total`,
    help: 'Transactions, by how they ended.',
    labelNames: ['mode', 'outcome'],
    registers: [registry],
  })
  return (cache) => {
    cache.on('transaction', ({ mode, outcome }) => transactions.inc({ mode, outcome }))
  }
}
