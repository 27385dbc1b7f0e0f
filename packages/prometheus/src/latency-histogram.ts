/** The labels of an operation. */
export interface OperationLabels {
  readonly operation: string
  readonly backend: string
  readonly tag: string
}

/** The counts of the operations with one set of labels. */
export class Operations {
  readonly labels: OperationLabels
  /** Keys that reads found. */
  hits = 0
  /** Keys that reads did not find. */
  misses = 0
  readonly #bounds: readonly number[]
  /** How many observations lie between each bound and the one before. */
  readonly #counts: number[]
  #count = 0
  #sum = 0

  constructor(labels: OperationLabels, bounds: readonly number[]) {
    this.labels = labels
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  observe(seconds: number): void {
    this.#count++
    this.#sum += seconds
    for (let at = 0; at < this.#bounds.length; at++) {
      if (seconds > (this.#bounds[at] as number)) continue
      ;(this.#counts[at] as number)++
      return
    }
  }

  /**
   * The samples for the text format.
   *
   * @param name The name of the metric.
   * @param instant How many observations of 0 seconds to add.
   */
  samples(name: string, instant: number): Sample[] {
    let sum = instant
    const buckets = this.#bounds.map((bound, at) => {
      sum += this.#counts[at] as number
      return this.#sample(`${name}_bucket`, sum, { le: bound })
    })
    const count = this.#count + instant
    return [
      ...buckets,
      this.#sample(`${name}_bucket`, count, { le: '+Inf' }),
      this.#sample(`${name}_sum`, this.#sum),
      this.#sample(`${name}_count`, count),
    ]
  }

  #sample(metricName: string, value: number, more: Record<string, string | number> = {}): Sample {
    return { metricName, value, labels: { ...more, ...this.labels } }
  }
}

/** One line of the text format. */
export interface Sample {
  readonly metricName: string
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
}

/** Settings of {@link LatencyHistogram}. */
export interface LatencyHistogramOptions {
  readonly name: string
  readonly help: string
  readonly buckets: readonly number[]
  /** Counts the synchronous reads that bypassed the middlewares, by backend. */
  readonly instant: () => ReadonlyMap<string, number>
}

/**
 * A histogram for a prom-client registry. The one of prom-client cannot add a million observations at once, and looks
 * up its labels each time.
 */
export class LatencyHistogram {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly aggregator = 'sum'
  readonly #buckets: readonly number[]
  readonly #instant: () => ReadonlyMap<string, number>
  /** By backend, operation and tag. */
  readonly #byBackend = new Map<string, Map<string, Map<string, Operations>>>()

  constructor({ name, help, buckets, instant }: LatencyHistogramOptions) {
    this.name = name
    this.help = help
    this.#buckets = buckets
    this.#instant = instant
  }

  /** The counts of operations with these labels. Builds no strings, because it runs before every operation. */
  of(operation: string, backend: string, tag: string): Operations {
    return this.#byBackend.get(backend)?.get(operation)?.get(tag) ?? this.#make({ operation, backend, tag })
  }

  /** The counts of all operations. */
  *all(): Iterable<Operations> {
    for (const byOperation of this.#byBackend.values()) for (const byTag of byOperation.values()) yield* byTag.values()
  }

  /** Called by the registry. */
  async get(): Promise<object> {
    const instant = this.#instant()
    for (const [backend, count] of instant) if (count > 0) this.of('get', backend, '')
    const values = [...this.all()].flatMap((operations) => {
      const { operation, backend, tag } = operations.labels
      return operations.samples(this.name, operation === 'get' && tag === '' ? (instant.get(backend) ?? 0) : 0)
    })
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values }
  }

  /** Called by the registry to reset the metric. */
  reset(): void {
    this.#byBackend.clear()
  }

  #make(labels: OperationLabels): Operations {
    const byOperation = entry(this.#byBackend, labels.backend, () => new Map<string, Map<string, Operations>>())
    const byTag = entry(byOperation, labels.operation, () => new Map<string, Operations>())
    return entry(byTag, labels.tag, () => new Operations(labels, this.#buckets))
  }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const value = map.get(key) ?? make()
  map.set(key, value)
  return value
}
