/** What a latency is told of. */
export interface OperationLabels {
  readonly operation: string
  readonly backend: string
  readonly tag: string
}

/** The latencies with one set of labels. */
export class Latencies {
  readonly labels: OperationLabels
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
  readonly #byLabels = new Map<string, Latencies>()

  constructor({ name, help, buckets, instant }: LatencyHistogramOptions) {
    this.name = name
    this.help = help
    this.#buckets = buckets
    this.#instant = instant
  }

  /** Where latencies with these labels are counted. */
  of(operation: string, backend: string, tag: string): Latencies {
    const id = `${operation} ${backend} ${tag}`
    let found = this.#byLabels.get(id)
    if (found === undefined) {
      found = new Latencies({ operation, backend, tag }, this.#buckets)
      this.#byLabels.set(id, found)
    }
    return found
  }

  /** What a registry asks for. */
  async get(): Promise<object> {
    const instant = this.#instant()
    for (const [backend, count] of instant) if (count > 0) this.of('get', backend, '')
    const values = [...this.#byLabels.values()].flatMap((latencies) => {
      const { operation, backend, tag } = latencies.labels
      return latencies.samples(this.name, operation === 'get' && tag === '' ? (instant.get(backend) ?? 0) : 0)
    })
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values }
  }

  /** What a registry calls to begin anew. */
  reset(): void {
    this.#byLabels.clear()
  }
}
