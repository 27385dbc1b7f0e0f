import { ConfigurationError, type Milliseconds } from '@cashews/core'
import { Cluster, Redis, type RedisOptions as ServerOptions } from 'ioredis'
import { type HostAndPort, PORT, parseAddress, SENTINEL_PORT } from '../settings/address.ts'
import type { Connection, RedisOptions } from '../settings/settings.ts'
import { ClusterLink, refuseReplicaReads } from './cluster-link.ts'
import type { Link } from './link.ts'
import { QuietSentinelConnector } from './quiet-sentinel-connector.ts'
import { ServerLink } from './server-link.ts'

const CONNECT_TIMEOUT: Milliseconds = 1_000
/** How long a server may take to close its half of a connection. A broken connection keeps a closing process alive as long. */
const DISCONNECT_TIMEOUT: Milliseconds = 50
const LONGEST_PAUSE: Milliseconds = 250
/** The longest pause between two attempts to reach a Sentinel while others are reachable. */
const SENTINEL_PAUSE: Milliseconds = 30_000

/**
 * Keeps a cache bounded when its server is in trouble: no commands are queued for an unreachable server, and none is sent
 * again after its reply was lost, which would count twice or overwrite a newer value.
 */
const BOUNDED = {
  connectTimeout: CONNECT_TIMEOUT,
  disconnectTimeout: DISCONNECT_TIMEOUT,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  keepAlive: 10_000,
  noDelay: true,
  lazyConnect: true,
  connectionName: 'cashews',
  retryStrategy: pause,
  maxLoadingRetryTime: LONGEST_PAUSE,
  reconnectOnError: (error: Error) => (/^READONLY/.test(error.message) ? 1 : false),
} satisfies Connection

/**
 * A command whose keys are being moved to another server, or that no server serves, is given up before its caller is told that
 * it failed: if it came through later, it would undo what the caller has done since.
 */
const WHILE_SLOTS_MOVE = { maxRedirections: 8, retryDelayOnTryAgain: 10, retryDelayOnClusterDown: 0 }

/** The options that go with each way of naming the servers. With another way they would be silently ignored. */
const GOES_WITH = {
  client: [],
  cluster: ['db', 'username', 'password', 'tls', 'connection', 'clusterOptions'],
  sentinels: ['name', 'db', 'username', 'password', 'tls', 'connection'],
  path: ['db', 'username', 'password', 'tls', 'connection'],
  host: ['port', 'db', 'username', 'password', 'tls', 'connection'],
} as const satisfies Partial<Record<keyof RedisOptions, readonly (keyof RedisOptions)[]>>

type Way = keyof typeof GOES_WITH
const WAYS = Object.keys(GOES_WITH) as readonly Way[]
const DETAILS = new Set(Object.values(GOES_WITH).flat())

/** Makes the link to the server or servers that the options name. */
export function linkTo(options: RedisOptions): Link {
  const { client, cluster, sentinels } = options
  refuseContradictions(options)
  if (client !== undefined) return linkToClient(client)
  if (cluster) return linkToCluster(cluster, options)
  return sentinels ? linkToMaster(sentinels, options) : linkToServer(options)
}

/** @throws {ConfigurationError} When the servers are named in several ways, or an option does not go with the one used. */
function refuseContradictions(options: RedisOptions): void {
  const [way = 'host', ...others] = WAYS.filter((way) => options[way] !== undefined)
  if (others.length > 0)
    throw new ConfigurationError(
      'Redis was given several addresses. Give one of client, cluster, sentinels, host or path.',
    )
  if (options.name !== undefined && way !== 'sentinels')
    throw new ConfigurationError('Option "name" is the name of a master known to Sentinels. Give sentinels too.')
  const known: readonly string[] = GOES_WITH[way]
  const stray = [...DETAILS].find((name) => options[name] !== undefined && !known.includes(name))
  if (stray === undefined) return
  const remedy = way === 'client' ? 'Set it where the client is created' : `Options for it: ${known.join(', ')}`
  throw new ConfigurationError(`Option "${stray}" of redis cannot be used with "${way}". ${remedy}.`)
}

function linkToServer(options: RedisOptions): Link {
  const { host = 'localhost', port = PORT, path } = options
  const place = path === undefined ? parseAddress({ host, port }, PORT) : { path }
  const address = path ?? `${host}:${port}`
  return new ServerLink(address, () => new Redis({ ...BOUNDED, ...place, ...server(options) }), true)
}

function linkToMaster(sentinels: NonNullable<RedisOptions['sentinels']>, options: RedisOptions): Link {
  const { name } = options
  if (name === undefined || name === '' || sentinels.length === 0)
    throw new ConfigurationError(
      "Sentinels need the name of their master: { sentinels: ['host:26379'], name: 'mymaster' }.",
    )
  const places = sentinels.map((sentinel) => parseAddress(sentinel, SENTINEL_PORT))
  const create = () =>
    new Redis({
      ...BOUNDED,
      Connector: QuietSentinelConnector,
      sentinels: places,
      name,
      role: 'master',
      failoverDetector: true,
      sentinelCommandTimeout: CONNECT_TIMEOUT,
      sentinelRetryStrategy: pause,
      sentinelReconnectStrategy: (times) => Math.min(LONGEST_PAUSE * 2 ** times, SENTINEL_PAUSE),
      ...sentinelTls(options),
      ...server(options),
    })
  return new ServerLink(`master ${name}`, create, true, scoutTo(places, options))
}

function linkToCluster(nodes: NonNullable<RedisOptions['cluster']>, options: RedisOptions): Link {
  if (nodes.length === 0)
    throw new ConfigurationError("A cluster needs at least one address: { cluster: ['host:6379'] }.")
  if (options.db) throw new ConfigurationError(`A Redis Cluster has database 0 only, not ${options.db}.`)
  const places = nodes.map((node) => parseAddress(node, PORT))
  const { retryStrategy: _, enableOfflineQueue: __, ...node } = BOUNDED
  const create = () =>
    new Cluster(places, {
      lazyConnect: true,
      slotsRefreshTimeout: CONNECT_TIMEOUT,
      clusterRetryStrategy: pause,
      // Whether a command whose connection broke was carried out is unknown.
      retryDelayOnFailover: 0,
      ...WHILE_SLOTS_MOVE,
      ...options.clusterOptions,
      redisOptions: { ...node, ...server(options) },
    })
  const address = `cluster ${places.map(({ host, port }) => `${host}:${port}`).join(',')}`
  return new ClusterLink(address, create, true, scoutTo(places, options))
}

/** Returns a function that makes a test connection to the first of several servers. */
function scoutTo([place]: readonly HostAndPort[], { tls }: RedisOptions): () => Redis {
  const once: Connection = { retryStrategy: () => null, enableReadyCheck: false, commandTimeout: CONNECT_TIMEOUT }
  return () => new Redis({ ...BOUNDED, ...once, ...place, ...server({ tls }) })
}

/** Recognizes clients by their shape, because there may be several copies of ioredis. */
function linkToClient(client: NonNullable<RedisOptions['client']>): Link {
  if (typeof client?.callBuffer !== 'function' || typeof client.duplicate !== 'function')
    throw new ConfigurationError(
      'Option "client" of redis must be a client of ioredis: new Redis() or new Redis.Cluster().',
    )
  refuseOtherAnswers(client)
  if (client.options.keyPrefix)
    throw new ConfigurationError(
      `A client with keyPrefix "${client.options.keyPrefix}" cannot find its keys again. Use the option namespace.`,
    )
  warnOfTraps(client)
  if (!('isCluster' in client) || !client.isCluster) return new ServerLink('your client', () => client as Redis, false)
  const cluster = client as Cluster
  refuseReplicaReads(cluster)
  return new ClusterLink('your cluster', () => cluster, false)
}

/** @throws {ConfigurationError} When the client returns answers in a form that the cache cannot read. */
function refuseOtherAnswers({ options }: NonNullable<RedisOptions['client']>): void {
  const { stringNumbers, replyMapping = 'legacy' } = {
    ...('redisOptions' in options && options.redisOptions),
    ...(options as Partial<ServerOptions>),
  }
  if (stringNumbers)
    throw new ConfigurationError('A client with stringNumbers returns text where a cache needs numbers.')
  if (replyMapping !== 'legacy')
    throw new ConfigurationError(`A cache needs a client with replyMapping "legacy", not "${replyMapping}".`)
}

/** What keeps a client from sending a command again. The last two are options of a Cluster. */
const SENT_ONCE = {
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
} as const

/**
 * Warns of a client that sends a command again after its reply was lost, or after it was refused and the caller has given up: it
 * would count twice, or overwrite a newer value.
 */
function warnOfTraps({ options }: NonNullable<RedisOptions['client']>): void {
  const traps = Object.entries(SENT_ONCE)
    .filter(([name, safe]) => name in options && options[name as keyof typeof options] !== safe)
    .map(([name, safe]) => `${name}: ${safe}`)
  if (traps.length === 0) return
  process.emitWarning(`A client of ioredis given to @cashews/backend-redis should have ${traps.join(', ')}.`, {
    code: 'CASHEWS_REDIS_CLIENT',
  })
}

/** By default, ioredis does not encrypt its connections to Sentinels. */
function sentinelTls({ tls }: RedisOptions): Connection {
  return tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls === true ? {} : tls } : {}
}

function server({ username, password, db, tls, connection }: RedisOptions): Connection {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(db !== undefined && { db }),
    ...(tls && { tls: tls === true ? {} : tls }),
    ...connection,
  }
}

function pause(times: number): Milliseconds {
  return Math.min(25 * 2 ** times, LONGEST_PAUSE)
}
