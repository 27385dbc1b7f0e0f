import type { Backend } from '../backend.ts'
import { checkKnown, checkOptions, checkThat, checkType, isOptions } from '../basics/options.ts'
import { COMMANDS } from '../calls/commands.ts'
import type { Command } from '../command.ts'
import { checkDrivers, type Driver } from '../driver.ts'
import { ConfigurationError } from '../errors.ts'
import { checkMiddlewares, type Middleware } from '../middleware.ts'
import type { GuardOptions } from '../outages/guard.ts'
import { parseTtl, type Ttl } from '../ttl.ts'
import { camelCase, optionsFromUrl, overridden, redact } from './settings-url.ts'

/** Settings of one backend in a cache. */
export interface SetupOptions {
  /** This backend takes the keys that start with this prefix. The longest matching prefix wins. @default '' */
  readonly prefix?: string | undefined
  /** More backend factories that the URL may name. */
  readonly drivers?: readonly Driver[] | undefined
  /** `false`: every command is switched off until `enable()`. @default true */
  readonly enabled?: boolean | undefined
  /** The middlewares of this backend, the outermost first. They come after those of the cache. */
  readonly middlewares?: readonly Middleware[] | undefined
  /** Whether store errors become misses and `false` instead of exceptions. @default true */
  readonly suppress?: boolean | undefined
  /** How long a read may take before it counts as failed; longer if it names more than 1,000 keys. @default '100ms' */
  readonly readTimeout?: Ttl | undefined
  /** How long a write may take before it counts as failed; longer if it names more than 1,000 keys. @default '250ms' */
  readonly writeTimeout?: Ttl | undefined
}

/** The same with a settings URL. Other options go to the backend, and unless `undefined` take precedence over the URL. */
export interface UrlSetupOptions extends SetupOptions {
  readonly [option: string]: unknown
}

/** The checked settings of `setup`. */
export interface ResolvedSetup {
  readonly prefix: string
  readonly backend: Backend
  readonly middlewares: readonly Middleware[]
  readonly guard: GuardOptions
  readonly disabled: Iterable<Command>
}

const OWN = ['prefix', 'drivers', 'enabled', 'middlewares', 'suppress', 'readTimeout', 'writeTimeout'] as const
const IN_URL = {
  enable: 'boolean',
  enabled: 'boolean',
  disable: 'boolean',
  suppress: 'boolean',
  readTimeout: 'text',
  writeTimeout: 'text',
} as const

/** What a URL may say to the cache. */
type FromUrl = ReturnType<typeof optionsFromUrl<typeof IN_URL>>

/** Checks the settings. Makes a backend from a URL if necessary, and separates its options from those of the cache. */
export function resolveSetup(
  target: string | URL | Backend,
  options: UrlSetupOptions,
  drivers: readonly Driver[],
): ResolvedSetup {
  checkOptions('setup', options)
  const {
    prefix = '',
    drivers: more = [],
    enabled,
    middlewares = [],
    suppress,
    readTimeout,
    writeTimeout,
    ...rest
  } = options
  checkType('string', { prefix })
  checkType('boolean', { enabled, suppress })
  checkDrivers(more)
  checkMiddlewares(middlewares)
  const url = target instanceof URL ? target.href : target
  const [backend, fromUrl] =
    typeof url === 'string' ? fromSettingsUrl(url, rest, [...drivers, ...more]) : [asBackend(url, options), {}]
  const given = overridden(fromUrl, { enabled, suppress, readTimeout, writeTimeout })
  return { prefix, backend, middlewares, ...withDefaults(given) }
}

/** What may be given beside a URL or in it. */
function withDefaults({
  enable,
  disable,
  enabled = enable ?? !disable,
  suppress = true,
  readTimeout = '100ms',
  writeTimeout = '250ms',
}: FromUrl & SetupOptions): Pick<ResolvedSetup, 'guard' | 'disabled'> {
  return {
    guard: {
      suppress,
      readTimeout: parseTtl(readTimeout, 'readTimeout'),
      writeTimeout: parseTtl(writeTimeout, 'writeTimeout'),
    },
    disabled: enabled ? [] : COMMANDS,
  }
}

function asBackend(target: Backend, options: SetupOptions): Backend {
  checkThat(
    isOptions(target) && typeof target.get === 'function',
    'setup() takes a URL, or a backend such as memory()',
    target,
  )
  checkThat(
    target.tags !== undefined,
    `The backend "${target.name}" does not say whether it has tags: pass it to completeBackend, or give it tags: false.`,
  )
  checkKnown(`The setup of "${target.name}"`, options, OWN)
  return target
}

function fromSettingsUrl(
  url: string,
  overrides: Readonly<Record<string, unknown>>,
  drivers: readonly Driver[],
): [Backend, FromUrl] {
  const scheme = /^([a-z][\w+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  const driver = drivers.find(({ schemes }) => scheme !== undefined && schemes.includes(scheme))
  if (!driver) throw unknownScheme(url, drivers)
  const [ours, theirs] = splitQuery(url)
  return [driver.fromUrl(theirs, overrides), optionsFromUrl(ours, IN_URL)]
}

function unknownScheme(url: string, drivers: readonly Driver[]): ConfigurationError {
  const known = drivers.flatMap(({ schemes }) => schemes).map((scheme) => `${scheme}://`)
  const [ours] = /^(mem|redis|disk)(?=s?[:+])/i.exec(url.toLowerCase()) ?? []
  const driver = ours === 'mem' ? 'memory' : ours
  const give = driver && ` Give it ${driver} of @cashews/backend-${driver}: createCache({ drivers: [${driver}] }).`
  return new ConfigurationError(
    `No backend for "${redact(url)}". This cache knows ${known.join(', ') || 'none'}.${give ?? ''}`,
  )
}

/** Splits a URL in two: the options of the cache, and everything else as it was written. */
function splitQuery(url: string): [ours: string, theirs: string] {
  const [address = '', query = ''] = url.split(/\?(.*)/s)
  const isOurs = (part: string) => Object.hasOwn(IN_URL, camelCase(part.split('=', 1)[0] as string))
  const parts = query.split('&')
  const theirs = parts.filter((part) => !isOurs(part)).join('&')
  return [`?${parts.filter(isOurs).join('&')}`, theirs === '' ? address : `${address}?${theirs}`]
}
