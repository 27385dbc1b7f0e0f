import { type Cache, type Call, isPending, MISS, type Middleware, type Next } from '@cashews/core'
import { Counter, type Registry } from 'prom-client'
import { functionMetrics, type Watch } from './function-metrics.ts'
import { BoundedLabel } from './label-sets.ts'
import { LatencyHistogram, type Operations } from './latency-histogram.ts'
import { storeMetrics } from './store-metrics.ts'

/** Measures operations on backends, as their middleware, and collects the counts of caches. */
export class Meter {
  readonly middleware: Middleware
  readonly #caches = new Set<Cache>()
  readonly #tagOf: (call: Call) => string
  readonly #latency: LatencyHistogram
  readonly #watches: readonly Watch[]

  constructor(
    registry: Registry,
    prefix: string,
    withTag: boolean | ((key: string) => string | undefined),
    buckets: readonly number[],
  ) {
    this.#tagOf = tagging(withTag)
    this.#latency = new LatencyHistogram({
      name: `${prefix}operations_latency_seconds`,
      help: 'How long operations on a store took, in seconds. Reads answered on the spot count as 0.',
      buckets,
      instant: () => this.#atHand(),
    })
    registry.registerMetric(this.#latency as never)
    this.#countReads(registry, prefix)
    const given = { registry, prefix, buckets, caches: this.#caches }
    this.#watches = [functionMetrics(given), storeMetrics(given)]
    const join = (cache: Cache) => this.#join(cache)
    // Synchronous reads that bypass the middlewares are counted without their key, which `withTag` needs.
    const isOnlooker = typeof withTag !== 'function'
    this.middleware = Object.assign((call: Call, next: Next) => this.#measure(call, next), { isOnlooker, join })
  }

  #join(cache: Cache): void {
    if (this.#caches.has(cache)) return
    this.#caches.add(cache)
    for (const watch of this.#watches) watch(cache)
  }

  #measure(call: Call, next: Next): unknown {
    const operations = this.#latency.of(call.command, call.backend.name, this.#tagOf(call))
    const started = performance.now()
    const failed = (error: unknown): never => {
      operations.observe((performance.now() - started) / 1_000)
      throw error
    }
    const measured = (answer: unknown): unknown => {
      operations.observe((performance.now() - started) / 1_000)
      countRead(call, operations, answer)
      return answer
    }
    try {
      const answer = next(call)
      return isPending(answer) ? answer.then(measured, failed) : measured(answer)
    } catch (error) {
      return failed(error)
    }
  }

  /** The number of synchronous reads that bypassed the middlewares, by backend. */
  #atHand(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>()
    for (const cache of this.#caches)
      for (const { backend, hitsAtHand, middlewares } of cache.engine.routes)
        if (middlewares.includes(this.middleware)) sums.set(backend.name, (sums.get(backend.name) ?? 0) + hitsAtHand)
    return sums
  }

  #countReads(registry: Registry, prefix: string): void {
    const atHand = () => this.#atHand()
    const latency = this.#latency
    new Counter({
      name: `${prefix}get_operation_total`,
      help: 'Keys asked for by get and getMany, by whether they were there.',
      labelNames: ['result', 'backend', 'tag'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [backend, hits] of atHand()) if (hits > 0) this.inc({ result: 'hit', backend, tag: '' }, hits)
        for (const { labels, hits, misses } of latency.all()) {
          const { backend, tag } = labels
          if (hits > 0) this.inc({ result: 'hit', backend, tag }, hits)
          if (misses > 0) this.inc({ result: 'miss', backend, tag }, misses)
        }
      },
    })
  }
}

/** Counts the keys of a read. One that only takes a lease says nothing about what is stored. */
function countRead(call: Call, operations: Operations, answer: unknown): void {
  if (call.command === 'get') {
    if (!call.leaseOnly) operations[answer === MISS ? 'misses' : 'hits']++
  } else if (call.command === 'getMany')
    for (const found of answer as readonly unknown[]) operations[found === MISS ? 'misses' : 'hits']++
}

function tagging(withTag: boolean | ((key: string) => string | undefined)): (call: Call) => string {
  if (withTag === false) return () => ''
  const label = new BoundedLabel()
  const tagOf = withTag === true ? () => undefined : withTag
  return (call) => {
    const named = 'tags' in call && call.command !== 'get' ? call.tags?.[0] : undefined
    return label.of(named ?? ('key' in call ? tagOf(call.key) : undefined) ?? '')
  }
}
