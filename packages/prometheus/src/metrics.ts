import { checkNames, checkThat, type Middleware } from '@cashews/core'
import { type Registry, register } from 'prom-client'
import { Meter } from './meter.ts'

/** Settings of {@link metrics}. */
export interface MetricsOptions {
  /** Where the metrics are registered. @default the global registry of prom-client */
  readonly registry?: Registry
  /** Stands before the name of every metric. @default 'cashews_' */
  readonly prefix?: string
  /**
   * Whether the label `tag` tells a tag of the key: `true`: the first of those a write names; a function: what it makes of
   * the key, for reads too, which then cannot be answered past the metrics. Values past the thousandth are told as `other`.
   *
   * @default false: the label is empty
   */
  readonly withTag?: boolean | ((key: string) => string | undefined)
  /** Upper bounds of the latency histograms, in seconds. @default 0.0001 to 10 */
  readonly buckets?: readonly number[]
}

/** From a tenth of a millisecond, which is a quick Redis, to what nobody waits for. */
const BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const made = new WeakMap<Registry, Map<string, { readonly options: MetricsOptions; readonly meter: Middleware }>>()

/**
 * Counts what caches do, for Prometheus: a middleware of a backend, or of a whole cache.
 *
 * It hears of all that happens in the caches it stands in, wherever it stands; only operations are counted at the
 * backends it stands before. A registry has one such middleware for each prefix: asking again answers the same one.
 *
 * ```ts
 * cache.setup('redis://localhost', { middlewares: [metrics()] }) // or cache.use(metrics())
 * app.get('/metrics', async (_, reply) => reply.type(register.contentType).send(await register.metrics()))
 * ```
 *
 * @throws {ConfigurationError} On other settings for the same registry and prefix, on buckets that do not rise, and on a
 * prefix that cannot begin a name.
 */
export function metrics(options: MetricsOptions = {}): Middleware {
  const { registry, prefix, withTag, buckets } = settingsOf(options)
  const byPrefix = made.get(registry) ?? new Map()
  made.set(registry, byPrefix)
  const found = byPrefix.get(prefix)
  if (found && registry.getSingleMetric(`${prefix}calls_total`)) {
    checkThat(
      found.options.withTag === withTag && String(found.options.buckets) === String(buckets),
      `The metrics "${prefix}…" are in this registry, with other settings. Give these another prefix.`,
    )
    return found.meter
  }
  const meter = new Meter(registry, prefix, withTag, buckets).middleware
  byPrefix.set(prefix, { options: { withTag, buckets }, meter })
  return meter
}

/** @throws {ConfigurationError} When an option does not exist or cannot work. */
function settingsOf(options: MetricsOptions): Required<MetricsOptions> {
  checkThat(
    typeof options === 'object' && options !== null,
    `metrics takes an object of options, as in metrics({ registry }), not ${String(options)}.`,
  )
  checkNames('metrics', options, ['registry', 'prefix', 'withTag', 'buckets'])
  const { registry = register, prefix = 'cashews_', withTag = false, buckets = BUCKETS } = options
  checkThat(typeof registry?.registerMetric === 'function', 'registry is a Registry of prom-client.')
  checkThat(
    /^[a-zA-Z_:][\w:]*$/.test(prefix),
    `A prefix begins the name of a metric: letters, digits and _, not "${prefix}".`,
  )
  checkThat(
    typeof withTag === 'boolean' || typeof withTag === 'function',
    `withTag is true, false, or a function that makes a tag of a key, not ${String(withTag)}.`,
  )
  checkThat(
    Array.isArray(buckets) && buckets.length > 0 && buckets.every((bound, at) => bound > (buckets[at - 1] ?? 0)),
    `Buckets are upper bounds in seconds, each higher than the last, not [${buckets}].`,
  )
  return { registry, prefix, withTag, buckets }
}
