import { ConfigurationError, checkKnown, currentTerms, parseTtl, type Ttl } from '@cashews/core'

/** Settings of {@link cacheControlTtl}. */
export interface CacheControlTtlOptions {
  /** The ttl when the client asks for none. */
  readonly default: Ttl
  /** The longest a client may ask for. @default `default`: clients can only shorten it */
  readonly max?: Ttl | undefined
  /** The shortest a client may ask for. @default 1 second, or `default` if that is less */
  readonly min?: Ttl | undefined
}

/** A ttl that is computed at each load. */
export interface CacheControlTtl {
  (...args: readonly unknown[]): Ttl
  /** The longest ttl it returns, in seconds: the age of an answer is computed from that. */
  readonly longest: Ttl
}

/**
 * Makes a ttl that follows the `max-age` of the request, within limits. What is stored is shared by all clients, so by
 * default a client can only shorten it.
 *
 * ```ts
 * const getPrice = cached(cache, { ttl: cacheControlTtl({ default: '4m' }), key: 'price:{id}' }, async (id: string) => api.price(id))
 * ```
 *
 * @throws {ConfigurationError} When the default does not lie within the limits.
 */
export function cacheControlTtl(options: CacheControlTtlOptions): CacheControlTtl {
  checkKnown('cacheControlTtl', options, ['default', 'max', 'min'])
  const standard = parseTtl(options.default, 'default') / 1_000
  const max = options.max === undefined ? standard : parseTtl(options.max, 'max') / 1_000
  const min = options.min === undefined ? Math.min(1, standard) : parseTtl(options.min, 'min') / 1_000
  if (min > standard || standard > max)
    throw new ConfigurationError(
      `The default must lie between min and max: ${standard} s is not between ${min} s and ${max} s.`,
    )
  const tell = (): Ttl => {
    const asked = currentTerms()?.maxAge
    return asked === undefined ? standard : Math.min(max, Math.max(min, asked))
  }
  return Object.assign(tell, { longest: max })
}
