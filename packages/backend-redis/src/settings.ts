import type { Ttl } from '@cashews/core'
import type { SerializerOptions } from '@cashews/serialization'
import type { Cluster, ClusterOptions, Redis, RedisOptions as ServerOptions } from 'ioredis'

/** Where a server is: `localhost:6379`, or its parts. The port is 6379 by default. */
export type Address = string | { readonly host: string; readonly port?: number }

/** Settings of the client-side cache: copies of values in this process, which Redis itself keeps true. */
export interface ClientSideOptions {
  /** The most copies it keeps. @default 10_000 */
  readonly size?: number | undefined
  /** About how many bytes the copies may take together. @default no bound */
  readonly bytes?: number | undefined
  /** How long a copy is used at most, however long its key lives. @default '5m' */
  readonly maxTtl?: Ttl | undefined
  /** How far a copy may be behind Redis at most, whatever happens to connections. @default '1s' */
  readonly maxStale?: Ttl | undefined
  /** What keeps copies apart from the values that callers hold, as in `memory`. @default 'clone' */
  readonly isolation?: 'clone' | 'freeze' | 'none' | undefined
}

/** What ioredis takes for a connection, but for what the backend has to know of. */
export type Connection = Omit<ServerOptions, 'keyPrefix' | 'replyMapping' | 'stringNumbers'>

/** What says where a server is, and who asks: options of the backend's own. */
export const PLACE = ['host', 'port', 'path', 'sentinels', 'name', 'db', 'username', 'password', 'tls'] as const

/** Settings of {@link redis}. Where the server is: one of `url`, `client`, `cluster`, `sentinels`; else `host` and `port`. */
export interface RedisOptions extends SerializerOptions {
  /** Such as `redis://user:password@localhost:6379/1`. Options in it give way to those beside it. */
  readonly url?: string
  /** A client or cluster of ioredis. Whoever made it closes it. */
  readonly client?: Redis | Cluster
  /** Some servers of a Redis Cluster; they know the others. */
  readonly cluster?: readonly Address[]
  /** Sentinels, which know the master called {@link name}. */
  readonly sentinels?: readonly Address[]
  /** The name of the master that the {@link sentinels} watch. */
  readonly name?: string | undefined
  /** @default 'localhost' */
  readonly host?: string
  /** @default 6379 */
  readonly port?: number | undefined
  /** A Unix socket. */
  readonly path?: string
  /** The number of the database. @default 0 */
  readonly db?: number | undefined
  /** The user of the ACL to log in as. @default Redis's own: `default` */
  readonly username?: string | undefined
  /** The password of that user, or of the server. @default none */
  readonly password?: string | undefined
  /** `true`, or settings of `node:tls`. @default false */
  readonly tls?: boolean | ServerOptions['tls'] | undefined
  /** Stands before every key. @default 'cashews:' */
  readonly namespace?: string | undefined
  /** Keeps copies in this process: by default not. */
  readonly clientSide?: boolean | ClientSideOptions | undefined
  /** Anything else that ioredis takes, for each connection. */
  readonly connection?: Omit<Connection, (typeof PLACE)[number]> | undefined
  /** Anything else that ioredis takes for a cluster. */
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
