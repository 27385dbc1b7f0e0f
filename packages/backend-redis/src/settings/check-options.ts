import { ConfigurationError, checkKnown, isOptions, kindOfOption } from '@cashews/core'
import { serializerOptionNames } from '@cashews/serialization'
import { isPort } from './address.ts'
import { OWN_OPTIONS, PLACE, type RedisOptions } from './settings.ts'

const KNOWN: readonly string[] = [...OWN_OPTIONS, ...serializerOptionNames]

interface Kind {
  readonly what: string
  readonly has: (value: unknown) => boolean
}

/** Whether this is a plain object, unlike the bytes of a certificate, a date or a promise. */
const hasSettings = (value: unknown): boolean => Object.prototype.toString.call(value) === '[object Object]'
const text: Kind = { what: 'text', has: (value) => typeof value === 'string' }
const settings: Kind = { what: 'an object of settings', has: hasSettings }
const flagOrSettings: Kind = {
  what: 'true, false or an object of settings',
  has: (value) => typeof value === 'boolean' || hasSettings(value),
}
const addresses: Kind = { what: "a list of addresses, such as ['host:6379']", has: Array.isArray }

/** What the backend's own options must be. Options that are missing here are checked where they are used. */
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

/** The options without secrets, whose values may appear in messages. */
const SHOWN: readonly string[] = ['port', 'db', 'namespace', 'clientSide']

/** Left `undefined`, as by a missing environment variable, these would make the cache use another server than intended. */
const WHERE: readonly string[] = ['url', 'client', 'cluster', 'sentinels', 'host', 'path']

/** Options of ioredis that a cache cannot work with, or that are options of the backend itself. */
const REFUSED = {
  connection: ['keyPrefix', 'replyMapping', 'stringNumbers', ...PLACE],
  clusterOptions: ['keyPrefix', 'redisOptions', 'scaleReads'],
} as const

/** @throws {ConfigurationError} When an option does not exist, or its value cannot work. The message contains no secrets. */
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
