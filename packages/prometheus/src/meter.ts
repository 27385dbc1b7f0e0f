import { type Cache, type Call, isPending, MISS, type Middleware, type Next } from '@cashews/core'
import { Counter, type Registry } from 'prom-client'
import { functionMetrics } from './function-metrics.ts'
import { BoundedLabel } from './label-sets.ts'
import { type Latencies, LatencyHistogram } from './latency-histogram.ts'
import { storeMetrics } from './store-metrics.ts'

/** What is counted of one backend's reads. */
interface Reads {
  hits: number
  misses: number
}

/** Measures the operations on the backends it stands before, and gathers what the caches count. */
export class Meter {
  readonly middleware: Middleware
  readonly #caches = new Set<Cache>()
  readonly #tagOf: (call: Call) => string
  readonly #latency: LatencyHistogram
  readonly #latencies = new Map<string, Latencies>()
  /** By backend, then by tag. */
  readonly #reads = new Map<string, Map<string, Reads>>()
  readonly #watch: readonly ((cache: Cache) => void)[]

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
    this.#watch = [functionMetrics(given), storeMetrics(given)]
    const join = (cache: Cache) => this.#join(cache)
    this.middleware = Object.assign((call: Call, next: Next) => this.#measure(call, next), { isOnlooker: true, join })
  }

  #join(cache: Cache): void {
    if (this.#caches.has(cache)) return
    this.#caches.add(cache)
    for (const watch of this.#watch) watch(cache)
  }

  #measure(call: Call, next: Next): unknown {
    const tag = this.#tagOf(call)
    const latencies = this.#latenciesOf(call, tag)
    const started = performance.now()
    const failed = (error: unknown): never => {
      latencies.observe((performance.now() - started) / 1_000)
      throw error
    }
    const measured = (answer: unknown): unknown => {
      latencies.observe((performance.now() - started) / 1_000)
      if (call.command === 'get' || call.command === 'getMany') this.#countRead(call, tag, answer)
      return answer
    }
    try {
      const answer = next(call)
      return isPending(answer) ? answer.then(measured, failed) : measured(answer)
    } catch (error) {
      return failed(error)
    }
  }

  #latenciesOf({ command, backend: { name } }: Call, tag: string): Latencies {
    const id = `${command} ${name} ${tag}`
    let found = this.#latencies.get(id)
    if (found === undefined) {
      found = this.#latency.of(command, name, tag)
      this.#latencies.set(id, found)
    }
    return found
  }

  /** A read that only begins a load says nothing of what is stored. */
  #countRead(call: Call, tag: string, answer: unknown): void {
    if (call.command === 'get' && call.leaseOnly) return
    const reads = this.#readsOf(call.backend.name, tag)
    for (const found of call.command === 'getMany' ? (answer as readonly unknown[]) : [answer])
      reads[found === MISS ? 'misses' : 'hits']++
  }

  #readsOf(backend: string, tag: string): Reads {
    const byTag = this.#reads.get(backend) ?? new Map<string, Reads>()
    this.#reads.set(backend, byTag)
    const reads = byTag.get(tag) ?? { hits: 0, misses: 0 }
    byTag.set(tag, reads)
    return reads
  }

  /** How many reads were answered on the spot, by backend. They passed the middlewares by. */
  #atHand(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>()
    for (const cache of this.#caches)
      for (const { backend, hitsAtHand, middlewares } of cache.routes)
        if (middlewares.includes(this.middleware)) sums.set(backend.name, (sums.get(backend.name) ?? 0) + hitsAtHand)
    return sums
  }

  #countReads(registry: Registry, prefix: string): void {
    const atHand = () => this.#atHand()
    const reads = this.#reads
    new Counter({
      name: `${prefix}get_operation_total`,
      help: 'Keys asked for by get and getMany, by whether they were there.',
      labelNames: ['result', 'backend', 'tag'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [backend, hits] of atHand()) if (hits > 0) this.inc({ result: 'hit', backend, tag: '' }, hits)
        for (const [backend, byTag] of reads)
          for (const [tag, { hits, misses }] of byTag) {
            if (hits > 0) this.inc({ result: 'hit', backend, tag }, hits)
            if (misses > 0) this.inc({ result: 'miss', backend, tag }, misses)
          }
      },
    })
  }
}

function tagging(withTag: boolean | ((key: string) => string | undefined)): (call: Call) => string {
  if (withTag === false) return () => ''
  const label = new BoundedLabel()
  const tagOf = withTag === true ? () => undefined : withTag
  return (call) => {
    const named = 'tags' in call ? call.tags?.[0] : undefined
    return label.of(named ?? ('key' in call ? tagOf(call.key) : undefined) ?? '')
  }
}
