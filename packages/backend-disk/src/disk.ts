import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import {
  type Backend,
  type Clock,
  ConfigurationError,
  checkKnown,
  checkThat,
  completeBackend,
  type Driver,
  kindOfOption,
  type OptionKind,
  optionsFromUrl,
  overridden,
  parseTtl,
  redact,
  systemClock,
  type Ttl,
} from '@cashews/core'
import {
  createSerializer,
  serializationUrlOptions,
  serializerOptionNames,
  serializerOptionsFromUrl,
} from '@cashews/serialization'
import { DiskStore } from './disk-store.ts'
import type { DiskOptions } from './settings.ts'
import { divide, LEAST_BYTES } from './upkeep/room.ts'
import { crc32 } from './values/checksum.ts'

/** What {@link disk} returns. */
export interface DiskBackend extends Backend {
  /** The absolute path of the directory that holds the files. */
  readonly directory: string
}

/** Creates a {@link DiskBackend}, and teaches a cache `disk://` URLs. */
export interface DiskDriver extends Driver {
  (options?: DiskOptions): DiskBackend
  fromUrl(url: string, overrides?: Readonly<Record<string, unknown>>): DiskBackend
}

const MOST_SHARDS = 64
/** Up to about this length SQLite returns text faster than bytes. */
const MOST_TEXT = 16_384
/** The `checkInterval`s that turn the checks off. */
const OFF: readonly unknown[] = [0, false, '0', 'false', 'off']

const IN_URL: Readonly<Record<string, OptionKind>> = {
  directory: 'text',
  shards: 'integer',
  sizeLimit: 'bytes',
  timeout: 'text',
  checkInterval: 'text',
  synchronous: 'text',
}
const OPTIONS: readonly string[] = [...Object.keys(IN_URL), 'clock', ...serializerOptionNames]

/**
 * A store in SQLite files: shared by all processes that use the same directory, and kept over restarts.
 *
 * @throws {ConfigurationError} When an option is unknown or cannot work, or Node is older than 22.2.
 * @throws {TtlError} When `timeout` or `checkInterval` is not a duration.
 *
 * @example
 * cache.setup(disk({ directory: '/var/cache/app', sizeLimit: 4 * 1024 ** 3 }))
 * createCache({ drivers: [disk] }).setup('disk:///var/cache/app?size_limit=4gb&shards=8')
 */
export const disk: DiskDriver = /* @__PURE__ */ Object.assign(create, {
  schemes: ['disk'],
  fromUrl: (url: string, overrides?: Readonly<Record<string, unknown>>): DiskBackend =>
    create(overridden(parseUrl(url), overrides) as DiskOptions),
})

function create(options: DiskOptions = {}): DiskBackend {
  checkNode()
  checkThat(
    typeof options === 'object' && options !== null,
    `disk() takes an object of options, not ${kindOfOption(options)}. A URL goes to setup() of a cache whose drivers are [disk].`,
  )
  checkKnown('disk', options, OPTIONS)
  const { directory, shards = 8, sizeLimit = 1024 ** 3, timeout = '1s', checkInterval = '1s', ...others } = options
  const { synchronous = 'off', clock, ...rest } = others
  const check = (name: keyof DiskOptions, isFine: boolean, good: string) =>
    checkThat(isFine, `Option "${name}" of disk is ${kindOfOption(options[name])}; it must be ${good}.`)
  const isPath = directory === undefined || (typeof directory === 'string' && directory !== '')
  check('directory', isPath, 'the path of a directory; leave it out for a temporary one')
  const isCount = Number.isInteger(shards) && shards >= 0 && shards <= MOST_SHARDS
  check('shards', isCount, `a whole number from 0 to ${MOST_SHARDS}`)
  const files = Math.max(1, shards)
  const isRoom = Number.isSafeInteger(sizeLimit) && sizeLimit >= files * LEAST_BYTES
  check('sizeLimit', isRoom, `a whole number of bytes, at least ${files * LEAST_BYTES} for ${files} shards`)
  check('synchronous', synchronous === 'off' || synchronous === 'normal', "'off' or 'normal'")
  check('clock', clock === undefined || typeof clock?.now === 'function', 'an object with a method now()')
  const store = new DiskStore(
    {
      directory: directory === undefined ? ownDirectory() : resolve(directory),
      isDefault: directory === undefined,
      shards: files,
      sizeLimit,
      timeout: parseTtl(timeout, 'timeout'),
      checkInterval: OFF.includes(checkInterval)
        ? Number.POSITIVE_INFINITY
        : parseTtl(checkInterval as Ttl, 'checkInterval (0: never)'),
      synchronous: synchronous === 'off' ? 'OFF' : 'NORMAL',
      clock: (clock as Clock | undefined) ?? systemClock,
    },
    createSerializer(rest, {
      mostText: Math.min(MOST_TEXT, divide(sizeLimit / files).partBytes),
      givesBytes: true,
    }),
  )
  const backend = completeBackend(store)
  return Object.assign(backend, { directory: store.directory })
}

/** On an older Node, better-sqlite3 13 kills the process as soon as it opens a file. */
function checkNode(): void {
  const { node } = process.versions
  const [major = 0, minor = 0] = node.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 2))
    throw new ConfigurationError(`@cashews/backend-disk needs Node 22.2 or later; this is ${node}.`)
}

/** A directory for this user and this application alone. */
function ownDirectory(): string {
  const place = crc32(process.cwd()).toString(16).padStart(8, '0')
  return join(tmpdir(), `cashews-${process.getuid?.() ?? userInfo().username}`, place)
}

/** Parses `disk://?directory=/path&shards=8` and `disk:///path?shards=8`. */
function parseUrl(url: string): DiskOptions {
  const [found, host = '', path = ''] = /^[a-z]+:\/\/([^/?#]*)([^?#]*)/i.exec(url) ?? []
  if (found === undefined) throw badUrl(url, 'has no // after disk:')
  if (host !== '') throw badUrl(url, 'names a host')
  const options = optionsFromUrl(url, { ...IN_URL, ...serializationUrlOptions })
  const isNamed = path !== '' && path !== '/'
  if (isNamed && 'directory' in options) throw badUrl(url, 'names two directories')
  const own = Object.entries(options).filter(([name]) => Object.hasOwn(IN_URL, name))
  return {
    ...(isNamed && { directory: decoded(path, url) }),
    ...Object.fromEntries(own),
    ...serializerOptionsFromUrl(options),
  }
}

function decoded(path: string, url: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw badUrl(url, 'has a % without two hexadecimal digits after it; % itself is %25')
  }
}

function badUrl(url: string, why: string): ConfigurationError {
  return new ConfigurationError(`"${redact(url)}" ${why}. Write disk:///path, or disk://?directory=path.`)
}
