import {
  type Complete,
  ConfigurationError,
  checkKnown,
  checkOneOf,
  checkRange,
  checkThat,
  checkType,
  type OptionKind,
  parseTtl,
  type Ttl,
} from '@cashews/core'
import type { Codec } from './codec.ts'
import type { CompressionAlgorithm, CompressionOptions } from './envelope/compression.ts'
import type { Secret } from './envelope/sealing.ts'
import type { StandardSchema } from './types/schema.ts'

/** Size limits. Beyond them, writing throws a `ValueError`, and reading is a miss. */
export interface SerializerLimits {
  /** The most bytes of a stored value. @default 8_388_608 (8 MiB) */
  readonly encoded?: number | undefined
  /** The most bytes of a value before compression. @default 33_554_432 (32 MiB) */
  readonly decoded?: number | undefined
  /** The highest ratio of decompressed to compressed size. @default 200 */
  readonly ratio?: number | undefined
  /** The deepest nesting of a value that is written. @default 1_000 */
  readonly depth?: number | undefined
}

/** Settings of {@link createSerializer}, shared by all backends that store bytes. */
export interface SerializerOptions {
  /**
   * The format to write: MessagePack, JSON text, or a codec of your own. The first two are always readable.
   *
   * @default 'msgpack'
   */
  readonly codec?: 'msgpack' | 'json' | Codec | undefined
  /** Whether unreadable values throw a `DecodeError` instead of being misses. @default false */
  readonly strict?: boolean | undefined
  /**
   * Signs every value except counters, together with its key. Values not signed by it are misses.
   *
   * @default no signing
   */
  readonly secret?: Secret
  /** The same, for rotation: the first secret signs, all are accepted. */
  readonly secrets?: readonly Secret[]
  /** The hash of the signature (HMAC). Stored values cannot choose another. @default 'sha256' */
  readonly signature?: 'sha256' | 'sha512' | undefined
  /** Encrypts every value except counters with AES-256-GCM, which also signs. Requires a secret. @default false */
  readonly encryption?: boolean | undefined
  /** Values that were signed longer ago are misses. Requires a secret. @default no limit */
  readonly maxAge?: Ttl | undefined
  /** Compresses values that get smaller by it. @default false */
  readonly compression?: false | CompressionAlgorithm | CompressionOptions | undefined
  /** Validates each value that is read, and may transform it. Invalid values are misses. @default none */
  readonly schema?: StandardSchema | undefined
  /** Whether errors are stored with their stack, which reveals details of your code. @default false */
  readonly errorStacks?: boolean | undefined
  /** The largest values that are written and read. @default see {@link SerializerLimits} */
  readonly limits?: SerializerLimits | undefined
}

/** The names of all options, for the error messages of backends. */
export const serializerOptionNames: readonly (keyof SerializerOptions)[] = [
  'codec',
  'strict',
  'secret',
  'secrets',
  'signature',
  'encryption',
  'maxAge',
  'compression',
  'schema',
  'errorStacks',
  'limits',
]

const LIMITS = { encoded: 8 * 1024 ** 2, decoded: 32 * 1024 ** 2, ratio: 200, depth: 1_000 }

/** The options with their defaults. */
export interface Settings extends Complete<Omit<SerializerOptions, 'secret' | 'maxAge' | 'schema' | 'limits'>> {
  readonly schema: StandardSchema | undefined
  readonly limits: Complete<SerializerLimits>
  /** In milliseconds. */
  readonly maxAge: number
}

/** @throws {ConfigurationError} When an option is unknown or cannot work. */
export function settingsOf(options: SerializerOptions): Settings {
  checkKnown('A serializer', options, serializerOptionNames)
  const { secret, secrets = secret === undefined ? [] : [secret], codec = 'msgpack', compression = false } = options
  const { strict = false, signature = 'sha256', encryption = false, errorStacks = false, schema, maxAge } = options
  checkSecrets(options)
  const isKnown = codec === 'msgpack' || codec === 'json' || isCodec(codec)
  checkThat(isKnown, "codec is 'msgpack', 'json' or an object with encode and decode", codec)
  checkOneOf('signature', signature, ['sha256', 'sha512'])
  checkType('boolean', { strict, encryption, errorStacks })
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function')
    throw new ConfigurationError('Option "schema" is not a Standard Schema (https://standardschema.dev).')
  return {
    codec,
    strict,
    secrets,
    signature,
    encryption,
    compression,
    errorStacks,
    schema,
    maxAge: maxAge === undefined ? Number.POSITIVE_INFINITY : parseTtl(maxAge, 'maxAge'),
    limits: limitsOf(options.limits === undefined ? {} : options.limits),
  }
}

/** Refuses unusable secrets, and options that require a missing one. */
function checkSecrets(options: SerializerOptions): void {
  const { secret, secrets } = options
  // An unset environment variable, for example, must not silently turn signing off.
  for (const name of ['secret', 'secrets'] as const)
    if (Object.hasOwn(options, name) && options[name] === undefined)
      throw new ConfigurationError(`Option "${name}" is undefined; leave it out to store unsigned values.`)
  if (secret !== undefined && secrets !== undefined)
    throw new ConfigurationError('Options "secret" and "secrets" exclude each other: secrets: [new, old] rotates.')
  if (secrets !== undefined && !Array.isArray(secrets))
    throw new ConfigurationError('Option "secrets" must be a list: secrets: [new, old].')
  if (secrets?.length === 0) throw new ConfigurationError('Option "secrets" is empty.')
  if (options.encryption === true && options.signature !== undefined)
    throw new ConfigurationError('Option "signature" has no effect with "encryption": AES-256-GCM also signs.')
  if (secret !== undefined || secrets !== undefined) return
  if (options.encryption) throw needsSecret('encryption')
  if (options.maxAge !== undefined) throw needsSecret('maxAge')
  if (options.signature !== undefined) throw needsSecret('signature')
}

function needsSecret(name: string): ConfigurationError {
  return new ConfigurationError(`Option "${name}" needs a secret: { secret, ${name} }.`)
}

function isCodec(codec: Codec | null): boolean {
  return typeof codec?.encode === 'function' && typeof codec.decode === 'function'
}

function limitsOf(given: SerializerLimits): Complete<SerializerLimits> {
  checkKnown('limits', given, Object.keys(LIMITS))
  const { encoded = LIMITS.encoded, decoded = LIMITS.decoded, ratio = LIMITS.ratio, depth = LIMITS.depth } = given
  const limits = { encoded, decoded, ratio, depth }
  checkRange(limits, 1)
  return limits
}

/** The serializer options that the URL of a backend may contain. */
export const serializationUrlOptions: Readonly<Record<string, OptionKind>> = {
  codec: 'text',
  strict: 'boolean',
  secret: 'text',
  secrets: 'text',
  signature: 'text',
  encryption: 'boolean',
  maxAge: 'duration',
  compression: 'text',
  compressionThreshold: 'bytes',
  compressionLevel: 'integer',
  errorStacks: 'boolean',
}

/** The {@link serializationUrlOptions} as parsed by `optionsFromUrl` of core. */
interface UrlOptions extends Omit<SerializerOptions, 'secrets' | 'maxAge' | 'compression'> {
  /** Separated by commas. */
  readonly secrets?: string
  /** In milliseconds. */
  readonly maxAge?: number
  readonly compression?: string
  readonly compressionThreshold?: number
  readonly compressionLevel?: number
}

const OFF: readonly string[] = ['false', 'no', 'off', '0', 'none']

/** Converts what `optionsFromUrl` of core has parsed to serializer options. */
export function serializerOptionsFromUrl(parsed: object): SerializerOptions {
  const own = Object.entries(parsed).filter(([name]) => Object.hasOwn(serializationUrlOptions, name))
  const options = Object.fromEntries(own) as UrlOptions
  const { secrets, maxAge, compression, compressionThreshold: threshold, compressionLevel: level, ...same } = options
  if (compression === undefined && (threshold !== undefined || level !== undefined))
    throw new ConfigurationError('A compression threshold or level in a URL needs compression=gzip, brotli or zstd.')
  return {
    ...same,
    ...(secrets !== undefined && { secrets: secrets.split(',') }),
    ...(maxAge !== undefined && { maxAge: { milliseconds: maxAge } }),
    ...(compression !== undefined && {
      compression: OFF.includes(compression)
        ? false
        : { algorithm: compression as CompressionAlgorithm, threshold, level },
    }),
  }
}
