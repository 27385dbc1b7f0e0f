import { ConfigurationError, checkKnown, isOptions, kindOfOption } from '@cashews/core'
import { serializerOptionNames } from '@cashews/serialization'
import { isPort } from './address.ts'
import { OWN_OPTIONS, PLACE, type RedisOptions } from './settings.ts'

const KNOWN: readonly string[] = [...OWN_OPTIONS, ...serializerOptionNames]

interface Kind {
  readonly what: string
  readonly has: (value: unknown) => boolean
}

/** Bytes, such as those of a certificate, a date and a promise hold no settings. */
const hasSettings = (value: unknown): boolean =>
  isOptions(value) && Object.prototype.toString.call(value) === '[object Object]'
const text: Kind = { what: 'text', has: (value) => typeof value === 'string' }
const settings: Kind = { what: 'an object of settings', has: hasSettings }
const flagOrSettings: Kind = {
  what: 'true, false or an object of settings',
  has: (value) => typeof value === 'boolean' || hasSettings(value),
}
const addresses: Kind = { what: "a list of addresses, such as ['host:6379']", has: Array.isArray }

/** What the options of the backend's own must be; those that are missing here are looked at where they are used. */
const KINDS: Readonly<Partial<Record<keyof RedisOptions, Kind>>> = {
  url: text,
  cluster: addresses,
  sentinels: addresses,
  name: text,
  host: text,
  port: { what: 'a whole number from 1 to 65535', has: isPort },
  path: text,
  db: { what: 'a whole number from 0', has: (value) => Number.isInteger(value) && Number(value) >= 0 },
  username: text,
  password: text,
  tls: flagOrSettings,
  namespace: text,
  clientSide: flagOrSettings,
  connection: settings,
  clusterOptions: settings,
}

/** Those that hold no secret, so that messages may show them. */
const SHOWN: readonly string[] = ['port', 'db', 'namespace', 'clientSide']

/** Without these a cache would talk to another server than was meant, as when a variable of the environment is missing. */
const WHERE: readonly string[] = ['url', 'client', 'cluster', 'sentinels', 'host', 'path']

/** What ioredis would take, and a cache could not work with, or has an option of its own for. */
const REFUSED = {
  connection: ['keyPrefix', 'replyMapping', 'stringNumbers', ...PLACE],
  clusterOptions: ['keyPrefix', 'redisOptions', 'scaleReads'],
} as const

/** @throws {ConfigurationError} On an option that does not exist, or is of another kind. Shows nothing that may be secret. */
export function checkOptions(options: RedisOptions): void {
  if (!isOptions(options))
    throw new ConfigurationError("redis takes an object of settings, such as { url: 'redis://localhost:6379' }.")
  checkKnown('redis', options, KNOWN)
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined && WHERE.includes(name))
      throw new ConfigurationError(`Option "${name}" of redis is undefined; leave it out for localhost:6379.`)
    const kind = KINDS[name as keyof RedisOptions]
    if (value === undefined || kind === undefined || kind.has(value)) continue
    const given = SHOWN.includes(name) ? `, not ${kindOfOption(value)}` : ''
    throw new ConfigurationError(`Option "${name}" of redis must be ${kind.what}${given}.`)
  }
  for (const [name, refused] of Object.entries(REFUSED)) {
    const given = options[name as keyof typeof REFUSED] ?? {}
    const found = refused.find((each) => each in given)
    if (found === undefined) continue
    const why = KNOWN.includes(found) ? 'it is an option of its own' : 'the backend decides on it'
    throw new ConfigurationError(`Option "${name}" of redis must not hold "${found}": ${why}.`)
  }
}
