import {
  ConfigurationError,
  checkKnown,
  checkThat,
  type Driver,
  kindOfOption,
  overridden,
  parseTtl,
  type Tags,
  type Ttl,
  withTags,
} from '@cashews/core'
import { createSerializer } from '@cashews/serialization'
import type { CopyOptions } from './client-side/local-copies.ts'
import { linkTo } from './connection/links.ts'
import { Keyspace } from './keys/keyspace.ts'
import { RedisStore } from './redis-backend.ts'
import { checkOptions } from './settings/check-options.ts'
import type { ClientSideOptions, RedisOptions } from './settings/settings.ts'
import { parseUrl, SCHEMES } from './settings/url.ts'

/** A backend that stores values in Redis or Valkey. Core adds the tags. */
export type RedisBackend = Pick<RedisStore, keyof RedisStore> & { readonly tags: Tags }

/** Creates a {@link RedisBackend}, and teaches a cache `redis://` URLs. */
export interface RedisDriver extends Driver {
  (options?: RedisOptions): RedisBackend
  fromUrl(url: string, overrides?: Readonly<Record<string, unknown>>): RedisBackend
}

const CLIENT_SIDE = ['size', 'bytes', 'maxTtl', 'maxStale', 'isolation']
/** With less than this, in milliseconds, the heartbeat would cost more than it is worth. */
const LEAST_STALE = 30

/**
 * A store in Redis or Valkey: standalone, behind Sentinel or a Cluster, shared by all processes that use it.
 *
 * @example
 * cache.setup(redis({ url: 'redis://localhost:6379/1', clientSide: true }))
 * createCache({ drivers: [redis] }).setup('redis+cluster://10.0.0.1:6379,10.0.0.2:6379')
 */
export const redis: RedisDriver = /* @__PURE__ */ Object.assign(create, {
  schemes: SCHEMES,
  fromUrl: (url: string, overrides?: Readonly<Record<string, unknown>>): RedisBackend =>
    create({ ...overrides, url } as RedisOptions),
})

function create(given: RedisOptions = {}): RedisBackend {
  checkOptions(given)
  const { url, ...beside } = given
  const options = (url === undefined ? beside : overridden(parseUrl(url), beside)) as RedisOptions
  checkOptions(options)
  const { client, cluster, sentinels, name, host, port, path, db, username, password, tls, ...rest } = options
  const { namespace = 'cashews:', clientSide = false, connection, clusterOptions, ...serialization } = rest
  const link = linkTo(options)
  const isCluster = cluster !== undefined || (client !== undefined && 'isCluster' in client && client.isCluster)
  const keys = new Keyspace(namespace, isCluster)
  const store = new RedisStore(link, keys, createSerializer(serialization), copies(clientSide))
  return Object.defineProperty(withTags(store), 'clientSide', {
    get: () => store.clientSide,
  }) as unknown as RedisBackend
}

function copies(clientSide: boolean | ClientSideOptions): CopyOptions | undefined {
  if (clientSide === false) return undefined
  const given = clientSide === true ? {} : clientSide
  checkKnown('The client-side cache of redis', given, CLIENT_SIDE)
  const { size, bytes, isolation, maxTtl = '5m', maxStale = '1s' } = given
  const stale = parseTtl(maxStale, 'maxStale')
  if (stale < LEAST_STALE || stale === Number.POSITIVE_INFINITY)
    throw new ConfigurationError(
      `Option "maxStale" is ${kindOfOption(maxStale)}; it must be from ${LEAST_STALE} ms to a few seconds.`,
    )
  const isSize = bytes === undefined || (Number.isInteger(bytes) && bytes > 0)
  checkThat(isSize, 'bytes of the client-side cache of redis must be a whole number from 1 on', bytes)
  return {
    store: { size, maxBytes: bytes, isolation },
    maxStale: stale,
    maxTtl: parseTtl(maxTtl as Ttl, 'maxTtl'),
  }
}
