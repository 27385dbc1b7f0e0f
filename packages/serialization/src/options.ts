import { ConfigurationError, checkKnown, type OptionKind, parseTtl, type Ttl } from '@cashews/core'
import type { Codec } from './codec.ts'
import type { CompressionAlgorithm, CompressionOptions } from './compression.ts'
import type { StandardSchema } from './schema.ts'
import type { Secret } from './sealing.ts'

/** How large things may be. What is larger is a `ValueError` when it is written, and a miss when it is read. */
export interface SerializerLimits {
  /** Bytes of a value as it is stored. @default 8_388_608 (8 MB) */
  readonly encoded?: number
  /** Bytes of a value before compression. @default 33_554_432 (32 MB) */
  readonly decoded?: number
  /** How many times larger a value may become when it is decompressed. @default 200 */
  readonly ratio?: number
  /** How deep a value may be nested when it is written. @default 1_000 */
  readonly depth?: number
}

/** Settings of {@link createSerializer}, which backends that keep bytes have too. */
export interface SerializerOptions {
  /**
   * The format that is written: MessagePack, JSON text, or your own. The first two are read whichever is chosen.
   *
   * @default 'msgpack'
   */
  readonly codec?: 'msgpack' | 'json' | Codec
  /** Whether what cannot be read is raised as a `DecodeError` instead of being a miss. @default false */
  readonly strict?: boolean
  /** Signs every value but counters, together with its key. Values that it did not sign are misses. */
  readonly secret?: Secret
  /** The same, for rotation: the first signs, all are accepted. */
  readonly secrets?: readonly Secret[]
  /** How values are signed. What is stored has no say in it. @default 'sha256' */
  readonly signature?: 'sha256' | 'sha512'
  /** Encrypts every value but counters by AES-256-GCM, which also signs. Needs a secret. @default false */
  readonly encryption?: boolean
  /** Values that were sealed longer ago than this are misses. Needs a secret. @default no bound */
  readonly maxAge?: Ttl
  /** Makes values smaller that are worth it. @default false */
  readonly compression?: false | CompressionAlgorithm | CompressionOptions
  /** Checks each value that is read. One that does not fit is a miss, and the answer is what the schema makes of it. */
  readonly schema?: StandardSchema
  /** Whether errors keep their stack, which tells about your code. @default false */
  readonly errorStacks?: boolean
  readonly limits?: SerializerLimits
}

/** The names of all options, for backends that tell which ones they know. */
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

/** The options, with their defaults. */
export interface Settings extends Required<Omit<SerializerOptions, 'secret' | 'maxAge' | 'schema' | 'limits'>> {
  readonly schema: StandardSchema | undefined
  readonly limits: Required<SerializerLimits>
  /** In milliseconds. */
  readonly maxAge: number
}

/** @throws {ConfigurationError} On an option that does not exist, or a value that cannot work. */
export function settingsOf(options: SerializerOptions): Settings {
  if (!isRecord(options)) throw noRecord('The options of a serializer', options)
  checkKnown('A serializer', options, serializerOptionNames)
  const { secret, secrets = secret === undefined ? [] : [secret], codec = 'msgpack', compression = false } = options
  const { strict = false, signature = 'sha256', encryption = false, errorStacks = false, schema, maxAge } = options
  checkSecrets(options)
  if (codec !== 'msgpack' && codec !== 'json' && !isCodec(codec))
    throw new ConfigurationError(
      `Option "codec" is ${JSON.stringify(codec)}; it must be 'msgpack', 'json', or an object with encode and decode.`,
    )
  if (signature !== 'sha256' && signature !== 'sha512')
    throw new ConfigurationError(`Option "signature" is ${JSON.stringify(signature)}; known are 'sha256' and 'sha512'.`)
  for (const [name, flag] of Object.entries({ strict, encryption, errorStacks }))
    if (typeof flag !== 'boolean')
      throw new ConfigurationError(`Option "${name}" is ${JSON.stringify(flag)}; it must be true or false.`)
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function')
    throw new ConfigurationError('Option "schema" is no Standard Schema (https://standardschema.dev).')
  return {
    codec,
    strict,
    secrets,
    signature,
    encryption,
    compression,
    errorStacks,
    schema,
    maxAge: maxAge === undefined ? Number.POSITIVE_INFINITY : parseTtl(maxAge),
    limits: limitsOf(options.limits === undefined ? {} : options.limits),
  }
}

/** Refuses secrets that are missing or of no use, and options that need one. */
function checkSecrets(options: SerializerOptions): void {
  const { secret, secrets } = options
  // Such as an environment variable that is missing: nobody who asks for signing may get none.
  for (const name of ['secret', 'secrets'] as const)
    if (Object.hasOwn(options, name) && options[name] === undefined)
      throw new ConfigurationError(`Option "${name}" is undefined; leave it out to store values that nobody signs.`)
  if (secret !== undefined && secrets !== undefined)
    throw new ConfigurationError('Options "secret" and "secrets" exclude each other: secrets: [new, old] rotates.')
  if (secrets !== undefined && !Array.isArray(secrets))
    throw new ConfigurationError('Option "secrets" must be a list: secrets: [new, old].')
  if (secrets?.length === 0) throw new ConfigurationError('Option "secrets" is empty.')
  if (options.encryption === true && options.signature !== undefined)
    throw new ConfigurationError('Option "signature" is of no use with "encryption": AES-256-GCM signs by itself.')
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

function isRecord(options: unknown): boolean {
  return typeof options === 'object' && options !== null
}

function noRecord(what: string, given: unknown): ConfigurationError {
  return new ConfigurationError(`${what} are ${JSON.stringify(given)}; they must be an object.`)
}

function limitsOf(given: SerializerLimits): Required<SerializerLimits> {
  if (!isRecord(given)) throw noRecord('The limits', given)
  checkKnown('limits', given, Object.keys(LIMITS))
  for (const [name, limit] of Object.entries(given)) {
    if (typeof limit !== 'number' || !(limit >= 1))
      throw new ConfigurationError(`Limit "${name}" is ${String(limit)}; it must be a number of at least 1.`)
  }
  return { ...LIMITS, ...given }
}

/** The options of a serializer that a URL may carry, beside those of its backend. */
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

/** What {@link serializationUrlOptions} read, as `optionsFromUrl` of core answers it. */
interface UrlOptions extends Omit<SerializerOptions, 'secrets' | 'maxAge' | 'compression'> {
  /** Several, with commas between. */
  readonly secrets?: string
  /** In milliseconds. */
  readonly maxAge?: number
  readonly compression?: string
  readonly compressionThreshold?: number
  readonly compressionLevel?: number
}

/** Makes options of what `optionsFromUrl` of core read; those that are of the backend are left out. */
export function serializerOptionsFromUrl(parsed: object): SerializerOptions {
  const own = Object.entries(parsed).filter(([name]) => Object.hasOwn(serializationUrlOptions, name))
  const options = Object.fromEntries(own) as UrlOptions
  const { secrets, maxAge, compression, compressionThreshold: threshold, compressionLevel: level, ...same } = options
  const isOff = compression === undefined || ['false', 'no', 'off', '0', 'none'].includes(compression)
  if (compression === undefined && (threshold !== undefined || level !== undefined))
    throw new ConfigurationError('A compression threshold or level in a URL needs compression=gzip, brotli or zstd.')
  return {
    ...same,
    ...(secrets !== undefined && { secrets: secrets.split(',') }),
    ...(maxAge !== undefined && { maxAge: { milliseconds: maxAge } }),
    ...(compression !== undefined && {
      compression: isOff
        ? false
        : {
            algorithm: compression as CompressionAlgorithm,
            ...(threshold !== undefined && { threshold }),
            ...(level !== undefined && { level }),
          },
    }),
  }
}
