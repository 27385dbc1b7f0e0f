/** What an operation is told of. */
export interface OperationLabels {
  readonly operation: string
  readonly backend: string
  readonly tag: string
}

/** What is counted of the operations with one set of labels. */
export class Operations {
  readonly labels: OperationLabels
  /** Keys that reads found. */
  hits = 0
  /** Keys that reads did not find. */
  misses = 0
  readonly #bounds: readonly number[]
  /** How many there are up to each bound, and not up to the one before. */
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
   * The samples of the text format, with `instant` more that took no time worth measuring.
   *
   * @param name Of the metric.
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
  /** Reads that were answered on the spot, by backend. */
  readonly instant: () => ReadonlyMap<string, number>
}

/**
 * A histogram that a registry reads like any other. The one of prom-client cannot add a million observations at once,
 * and looks its labels up each time.
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

  /** Where operations with these labels are counted. Nothing is made of strings here: it stands before every operation. */
  of(operation: string, backend: string, tag: string): Operations {
    return this.#byBackend.get(backend)?.get(operation)?.get(tag) ?? this.#make({ operation, backend, tag })
  }

  /** All there are. */
  *all(): Iterable<Operations> {
    for (const byOperation of this.#byBackend.values()) for (const byTag of byOperation.values()) yield* byTag.values()
  }

  /** What a registry asks for. */
  async get(): Promise<object> {
    const instant = this.#instant()
    for (const [backend, count] of instant) if (count > 0) this.of('get', backend, '')
    const values = [...this.all()].flatMap((operations) => {
      const { operation, backend, tag } = operations.labels
      return operations.samples(this.name, operation === 'get' && tag === '' ? (instant.get(backend) ?? 0) : 0)
    })
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values }
  }

  /** What a registry calls to begin anew. */
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
