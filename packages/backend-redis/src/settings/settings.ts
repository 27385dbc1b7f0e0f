import type { Ttl } from '@cashews/core'
import type { SerializerOptions } from '@cashews/serialization'
import type { Cluster, ClusterOptions, Redis, RedisOptions as ServerOptions } from 'ioredis'

/** The address of a server: `localhost:6379`, or its parts. The default port is 6379, and 26379 for a Sentinel. */
export type Address = string | { readonly host: string; readonly port?: number }

/** Settings of the client-side cache: copies of values in this process, which Redis keeps up to date. */
export interface ClientSideOptions {
  /** The maximum number of copies. @default 10_000 */
  readonly size?: number | undefined
  /** About how many bytes all copies may take together. @default unlimited */
  readonly bytes?: number | undefined
  /** How long a copy is used at most, even if its key lives longer. @default '5m' */
  readonly maxTtl?: Ttl | undefined
  /** How far a copy may lag behind Redis at most, whatever happens to connections; at least 30 ms. @default '1s' */
  readonly maxStale?: Ttl | undefined
  /** What separates copies from the values that callers hold, as in `memory`. @default 'clone' */
  readonly isolation?: 'clone' | 'freeze' | 'none' | undefined
}

/** The connection options of ioredis, without those that the backend decides on. */
export type Connection = Omit<ServerOptions, 'keyPrefix' | 'replyMapping' | 'stringNumbers'>

/** The connection options of ioredis that are options of the backend itself. */
export const PLACE = ['host', 'port', 'path', 'sentinels', 'name', 'db', 'username', 'password', 'tls'] as const

/** Settings of {@link redis}. Name the server by one of `url`, `client`, `cluster`, `sentinels`, `path`, or `host` and `port`. */
export interface RedisOptions extends SerializerOptions {
  /** A URL such as `redis://user:password@localhost:6379/1`. Options given beside it take precedence. */
  readonly url?: string
  /** A client or cluster of ioredis, which you close yourself. */
  readonly client?: Redis | Cluster
  /** Some servers of a Redis Cluster, by which the others are found. */
  readonly cluster?: readonly Address[]
  /** Sentinels that watch the master called {@link name}. */
  readonly sentinels?: readonly Address[]
  /** The name of the master that the {@link sentinels} watch. */
  readonly name?: string | undefined
  /** @default 'localhost' */
  readonly host?: string
  /** @default 6379 */
  readonly port?: number | undefined
  /** The path of a Unix socket. */
  readonly path?: string
  /** The number of the database. @default 0 */
  readonly db?: number | undefined
  /** The ACL user to log in as. @default the user `default` of Redis */
  readonly username?: string | undefined
  /** The password of the user, or of the server. @default none */
  readonly password?: string | undefined
  /** `true`, or settings of `node:tls`. @default false */
  readonly tls?: boolean | ServerOptions['tls'] | undefined
  /** The prefix of every key in Redis; must not be empty. @default 'cashews:' */
  readonly namespace?: string | undefined
  /** Whether to keep copies in this process, or the settings of those. @default false */
  readonly clientSide?: boolean | ClientSideOptions | undefined
  /** Other connection options of ioredis, for every connection. */
  readonly connection?: Omit<Connection, (typeof PLACE)[number]> | undefined
  /** Other cluster options of ioredis. */
  readonly clusterOptions?: Omit<ClusterOptions, 'redisOptions' | 'keyPrefix' | 'scaleReads'> | undefined
}

/** The names of all options, for the error about an unknown one. */
export const OWN_OPTIONS: readonly (keyof RedisOptions)[] = [
  'url',
  'client',
  'cluster',
  'sentinels',
  'name',
  'host',
  'port',
  'path',
  'db',
  'username',
  'password',
  'tls',
  'namespace',
  'clientSide',
  'connection',
  'clusterOptions',
]
