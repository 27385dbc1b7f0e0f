import { ConfigurationError, type OptionKind, optionsFromUrl, redact } from '@cashews/core'
import { serializationUrlOptions, serializerOptionsFromUrl } from '@cashews/serialization'
import { PORT, parseAddress, SENTINEL_PORT } from './address.ts'
import type { ClientSideOptions, RedisOptions } from './settings.ts'

/** The schemes of a settings URL. */
export const SCHEMES = [
  'redis',
  'rediss',
  'redis+unix',
  'redis+sentinel',
  'rediss+sentinel',
  'redis+cluster',
  'rediss+cluster',
] as const

const CONNECTION = {
  connectTimeout: 'duration',
  commandTimeout: 'duration',
  keepAlive: 'duration',
  connectionName: 'text',
  family: 'integer',
  sentinelUsername: 'text',
  sentinelPassword: 'text',
} as const
const CLIENT_SIDE = {
  clientSideSize: 'integer',
  clientSideBytes: 'bytes',
  clientSideMaxTtl: 'duration',
  clientSideMaxStale: 'duration',
  clientSideIsolation: 'text',
} as const
const OWN = {
  db: 'integer',
  namespace: 'text',
  username: 'text',
  password: 'text',
  name: 'text',
  cluster: 'boolean',
} as const
/** The names of options in Python's cashews and redis-py, and ours. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  clientName: 'connectionName',
  clientSidePrefix: 'namespace',
  socketTimeout: 'commandTimeout',
  socketConnectTimeout: 'connectTimeout',
}

const KINDS: Readonly<Record<string, OptionKind>> = {
  ...OWN,
  clientSide: 'boolean',
  ...CLIENT_SIDE,
  ...CONNECTION,
  clientName: 'text',
  clientSidePrefix: 'text',
  socketTimeout: 'duration',
  socketConnectTimeout: 'duration',
  ...serializationUrlOptions,
}

/**
 * Reads a settings URL: `redis://`, `rediss://`, `redis+unix:///path`, `redis+sentinel://host,host/name/db` and
 * `redis+cluster://host,host`.
 */
export function parseUrl(url: string): RedisOptions {
  const [, written = '', rest = ''] = /^([a-z+]+):\/\/(.*)$/is.exec(url) ?? []
  const scheme = written.toLowerCase()
  if (!SCHEMES.includes(scheme as never))
    throw new ConfigurationError(`"${redact(url)}" is not a URL of Redis. Known schemes: ${SCHEMES.join(', ')}.`)
  // A password may contain anything but a question mark: it ends at the last @.
  const end = rest.split('?', 1)[0]?.lastIndexOf(scheme.endsWith('unix') ? '@/' : '@') ?? -1
  const where = rest.slice(end + 1)
  // The text after # may be part of a secret, so it is not shown.
  if (where.includes('#'))
    throw new ConfigurationError(
      `${shownAs(`${scheme}://${where.split('#', 1)}`)} has text after a #, which means nothing there. Write %23 for #.`,
    )
  const [, authority = '', path = ''] = /^([^/?]*)([^?]*)/.exec(where) ?? []
  const [, ofScheme] = scheme.split('+')
  const found = place(ofScheme, authority, path, shownAs(url))
  const named = Object.entries(optionsFromUrl(`${scheme}://${where}`, KINDS))
  const known = named.map(([name, value]) => [OTHER_NAMES[name] ?? name, value])
  const { cluster, clientSide, ...options } = Object.fromEntries(known) as Record<string, unknown>
  if (cluster === true && ofScheme !== undefined && ofScheme !== 'cluster')
    throw new ConfigurationError(`Option "cluster" of ${shownAs(url)} cannot be used with ${scheme}://.`)
  if (![undefined, 0, 4, 6].includes(options.family as number | undefined))
    throw new ConfigurationError(`Option "family" of ${shownAs(url)} is 4, 6, or 0 for both, not ${options.family}.`)
  return {
    ...credentials(rest.slice(0, Math.max(0, end))),
    ...(scheme.startsWith('rediss') && { tls: true }),
    ...(cluster === true ? place('cluster', authority, path, shownAs(url)) : found),
    ...pick(options, Object.keys(OWN)),
    ...connectionOf(options),
    ...clientSideOf(clientSide, options),
    ...serializerOptionsFromUrl(options),
  }
}

/** A URL as it may appear in messages, with a hint if it looks as if a password was cut off. */
function shownAs(url: string): string {
  const isCut = url.includes('?') && url.lastIndexOf('@') > url.indexOf('?')
  return redact(url) + (isCut ? ' (is there a ? in a password? write it %3F)' : '')
}

/** Parses hosts and path. @param shown The URL as it may appear in messages. */
function place(kind: string | undefined, hosts: string, path: string, shown: string): RedisOptions {
  const [first, second, ...more] = path.split('/').filter((part) => part !== '')
  const addresses = (port: number) => hosts.split(',').map((host) => parseAddress(host, port, shown))
  if (kind === 'unix') {
    if (hosts !== '' || first === undefined)
      throw new ConfigurationError(`${shown} names no socket. Write redis+unix:///run/redis.sock, with three slashes.`)
    return { path: decode(path) }
  }
  const stray = kind === 'sentinel' ? more[0] : second
  if (stray !== undefined)
    throw new ConfigurationError(`${shown} has "/${stray}" after the database, which means nothing there.`)
  if (kind === 'cluster') return { cluster: addresses(PORT), ...database(first, shown) }
  if (kind === 'sentinel')
    return {
      sentinels: addresses(SENTINEL_PORT),
      ...(first !== undefined && { name: decode(first) }),
      ...database(second, shown),
    }
  if (hosts.includes(','))
    throw new ConfigurationError(`${shown} names several hosts. Write redis+cluster:// or redis+sentinel:// for them.`)
  return { ...(hosts !== '' && parseAddress(hosts, PORT, shown)), ...database(first, shown) }
}

function database(text: string | undefined, shown: string): { db?: number } {
  if (text === undefined) return {}
  if (/^\d+$/.test(text)) return { db: Number(text) }
  throw new ConfigurationError(`${shown} names a database that is not a number. Write it as in redis://localhost/1.`)
}

/** Parses a user and a password, which may contain a colon. */
function credentials(text: string): { username?: string; password?: string } {
  const [username = '', password] = text.split(/:(.*)/s)
  return {
    ...(username !== '' && { username: decode(username) }),
    ...(password !== undefined && password !== '' && { password: decode(password) }),
  }
}

/** Decodes text; if it is not percent-encoded, it stays as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function connectionOf(options: Readonly<Record<string, unknown>>): Pick<RedisOptions, 'connection'> {
  const connection = pick(options, Object.keys(CONNECTION))
  return Object.keys(connection).length > 0 ? { connection } : {}
}

function clientSideOf(on: unknown, options: Readonly<Record<string, unknown>>): Pick<RedisOptions, 'clientSide'> {
  const own = Object.keys(CLIENT_SIDE).flatMap((name) => {
    const value = options[name]
    const short = name.slice('clientSide'.length)
    const inSeconds = CLIENT_SIDE[name as keyof typeof CLIENT_SIDE] === 'duration' ? Number(value) / 1_000 : value
    return value === undefined ? [] : [[short.charAt(0).toLowerCase() + short.slice(1), inSeconds]]
  })
  if (on === false) return { clientSide: false }
  if (own.length > 0) return { clientSide: Object.fromEntries(own) as ClientSideOptions }
  return on === true ? { clientSide: true } : {}
}

function pick(from: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]))
}
