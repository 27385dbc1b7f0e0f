import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import {
  type Backend,
  type Clock,
  ConfigurationError,
  checkThat,
  completeBackend,
  type Driver,
  kindOfOption,
  type OptionKind,
  optionsFromUrl,
  parseTtl,
  redact,
  systemClock,
  type Ttl,
  unknownOption,
} from '@cashews/core'
import { createSerializer, serializationUrlOptions, serializerOptionsFromUrl } from '@cashews/serialization'
import { crc32 } from './checksum.ts'
import { DiskStore } from './disk-store.ts'
import { divide, LEAST_BYTES } from './room.ts'
import type { DiskOptions } from './settings.ts'

/** What {@link disk} makes. */
export interface DiskBackend extends Backend {
  /** Where the files are. */
  readonly directory: string
}

/** Makes a {@link DiskBackend}, and tells a cache what `disk://` is. */
export interface DiskDriver extends Driver {
  (options?: DiskOptions): DiskBackend
  fromUrl(url: string, overrides?: Readonly<Record<string, unknown>>): DiskBackend
}

const MOST_SHARDS = 64
/** SQLite answers text faster than bytes, up to about here. */
const MOST_TEXT = 16_384
/** A `checkInterval` that is none. */
const OFF = /^(?:0|false|off)$/

const IN_URL: Readonly<Record<string, OptionKind>> = {
  directory: 'text',
  shards: 'integer',
  sizeLimit: 'bytes',
  timeout: 'text',
  checkInterval: 'text',
  synchronous: 'text',
}
/** Those of a URL, without the parts of `compression`, and those that are no text. */
const OPTIONS = [...Object.keys(IN_URL), 'clock', ...Object.keys(serializationUrlOptions), 'schema', 'limits'].filter(
  (name) => !/^compression./.test(name),
)

/**
 * A store in SQLite files, shared by all processes that name its directory, and alive after a restart.
 *
 * @example
 * cache.setup(disk({ directory: '/var/cache/app', sizeLimit: 4 * 1024 ** 3 }))
 * createCache({ drivers: [disk] }).setup('disk:///var/cache/app?size_limit=4gb&shards=8')
 */
export const disk: DiskDriver = /* @__PURE__ */ Object.assign(create, {
  schemes: ['disk'],
  fromUrl: (url: string, overrides?: Readonly<Record<string, unknown>>): DiskBackend =>
    create({ ...parseUrl(url), ...overrides } as DiskOptions),
})

function create(options: DiskOptions = {}): DiskBackend {
  checkNode()
  checkThat(
    typeof options === 'object' && options !== null,
    `disk() takes an object of options, not ${kindOfOption(options)}. A URL goes to setup() of a cache whose drivers are [disk].`,
  )
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name))
  if (unknown !== undefined) throw unknownOption(unknown, 'disk', OPTIONS)
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
      timeout: parseTtl(timeout),
      checkInterval: OFF.test(String(checkInterval)) ? Number.POSITIVE_INFINITY : parseTtl(checkInterval as Ttl),
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

/** better-sqlite3 13 kills a process of an older Node as soon as it opens a file. */
function checkNode(): void {
  const { node } = process.versions
  const [major = 0, minor = 0] = node.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 2))
    throw new ConfigurationError(`@cashews/backend-disk needs Node 22.2 or later; this is ${node}.`)
}

/** A folder of this user and this application: others must neither read nor share it. */
function ownDirectory(): string {
  const place = crc32(process.cwd()).toString(16).padStart(8, '0')
  return join(tmpdir(), `cashews-${process.getuid?.() ?? userInfo().username}`, place)
}

/** Reads `disk://?directory=/path&shards=8`, and `disk:///path?shards=8`. */
function parseUrl(url: string): DiskOptions {
  const [found, host = '', path = ''] = /^[a-z]+:\/\/([^/?#]*)([^?#]*)/i.exec(url) ?? []
  if (found === undefined) throw badUrl(url, 'has no // after disk:')
  if (host !== '') throw badUrl(url, 'names a host')
  const options = optionsFromUrl(url, { ...IN_URL, ...serializationUrlOptions })
  const isNamed = path !== '' && path !== '/'
  if (isNamed && 'directory' in options) throw badUrl(url, 'names two directories')
  const own = Object.entries(options).filter(([name]) => Object.hasOwn(IN_URL, name))
  const rest = Object.entries(options).filter(([name]) => !Object.hasOwn(IN_URL, name))
  return {
    ...(isNamed && { directory: decoded(path, url) }),
    ...Object.fromEntries(own),
    ...serializerOptionsFromUrl(Object.fromEntries(rest)),
  }
}

function decoded(path: string, url: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw badUrl(url, 'has a % that no two hexadecimal digits follow; % itself is %25')
  }
}

function badUrl(url: string, why: string): ConfigurationError {
  return new ConfigurationError(`"${redact(url)}" ${why}. Write disk:///path, or disk://?directory=path.`)
}
