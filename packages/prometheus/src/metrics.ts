import { type Complete, checkKnown, checkThat, type Middleware } from '@cashews/core'
import { type Registry, register } from 'prom-client'
import { Meter } from './meter.ts'

/** Settings of {@link metrics}. */
export interface MetricsOptions {
  /** The registry of the metrics. @default the global registry of prom-client */
  readonly registry?: Registry | undefined
  /** The prefix of all metric names. @default 'cashews_' */
  readonly prefix?: string | undefined
  /**
   * Fills the label `tag`: `true` with the first tag of a write; a function also with its result for the key, for reads
   * too, which can then no longer bypass the middlewares. After 1,000 distinct values, further ones are reported as
   * `other`.
   *
   * @default false: the label is empty
   */
  readonly withTag?: boolean | ((key: string) => string | undefined) | undefined
  /** Upper bounds of the latency histograms, in seconds. @default 0.0001 to 10 */
  readonly buckets?: readonly number[] | undefined
}

/** From a tenth of a millisecond, which is a fast Redis, to longer than any caller waits. */
const BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const made = new WeakMap<Registry, Map<string, { readonly options: MetricsOptions; readonly meter: Middleware }>>()

/**
 * Creates a middleware, for a backend or a whole cache, that exports metrics to Prometheus.
 *
 * It counts everything that happens in the caches that it is part of, but only the operations on the backends that it is
 * a middleware of. A registry has one such middleware per prefix: further calls return the same one.
 *
 * ```ts
 * cache.setup('redis://localhost', { middlewares: [metrics()] }) // or cache.use(metrics())
 * app.get('/metrics', async (_, reply) => reply.type(register.contentType).send(await register.metrics()))
 * ```
 *
 * @throws {ConfigurationError} When the registry has this prefix with other settings, or an option is unknown or cannot
 *   work, such as buckets that do not increase, or a prefix that cannot begin a metric name.
 */
export function metrics(options: MetricsOptions = {}): Middleware {
  const { registry, prefix, withTag, buckets } = settingsOf(options)
  const byPrefix = made.get(registry) ?? new Map()
  made.set(registry, byPrefix)
  const found = byPrefix.get(prefix)
  if (found && registry.getSingleMetric(`${prefix}calls_total`)) {
    checkThat(
      found.options.withTag === withTag && String(found.options.buckets) === String(buckets),
      `The metrics "${prefix}…" are already in this registry, with other settings. Choose another prefix.`,
    )
    return found.meter
  }
  const meter = new Meter(registry, prefix, withTag, buckets).middleware
  byPrefix.set(prefix, { options: { withTag, buckets }, meter })
  return meter
}

/** @throws {ConfigurationError} When an option is unknown or cannot work. */
function settingsOf(options: MetricsOptions): Complete<MetricsOptions> {
  checkKnown('metrics', options, ['registry', 'prefix', 'withTag', 'buckets'])
  const { registry = register, prefix = 'cashews_', withTag = false, buckets = BUCKETS } = options
  checkThat(typeof registry?.registerMetric === 'function', 'registry must be a Registry of prom-client', registry)
  checkThat(
    typeof prefix === 'string' && /^[a-zA-Z_:][\w:]*$/.test(prefix),
    'A prefix must consist of letters, digits and _',
    prefix,
  )
  checkThat(
    typeof withTag === 'boolean' || typeof withTag === 'function',
    'withTag must be true, false, or a function that returns the tag of a key',
    withTag,
  )
  checkThat(
    Array.isArray(buckets) &&
      buckets.length > 0 &&
      buckets.every((bound, at) => typeof bound === 'number' && bound > (buckets[at - 1] ?? 0)),
    'Buckets must be upper bounds in seconds, each higher than the last',
    buckets,
  )
  return { registry, prefix, withTag, buckets }
}
