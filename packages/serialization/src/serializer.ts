import { Buffer } from 'node:buffer'
import { type Awaitable, type BackendHost, chain, DecodeError, isPending, MISS, ValueError } from '@cashews/core'
import { type Format, formatOf, READERS } from './codec.ts'
import { compressorOf, GrowthError } from './envelope/compression.ts'
import {
  close,
  type EnvelopeSettings,
  isEnvelope,
  type Opened,
  open,
  PLAIN_HEADER,
  type Sealing,
} from './envelope/envelope.ts'
import { prepare, SEALS } from './envelope/sealing.ts'
import { type SerializerOptions, type Settings, settingsOf } from './options.ts'
import { CustomTypeError } from './types/custom-types.ts'
import { checked } from './types/schema.ts'
import { isSmallJson } from './writing/small-json.ts'

/** Converts values to bytes and back, for backends that store bytes. */
export interface Serializer {
  /**
   * Encodes a value as a copy, which later changes of the value do not affect. Safe integers become decimal text, so
   * that counters are values too; small plain data becomes JSON text if the store prefers that and it is neither sealed
   * nor compressed; everything else becomes an envelope.
   *
   * @param key The full key it is stored under. A sealed value is valid for this key only.
   * @throws {ValueError} Or rejects with it, when a part cannot be stored; names that part and its class.
   */
  encode(key: string, value: unknown): Awaitable<Buffer | string>

  /**
   * Decodes a value. Returns `MISS`, and tells `host.error` why, when it is unreadable or not authentic.
   *
   * @throws {DecodeError} Or rejects with it, with `strict: true`.
   */
  decode(key: string, stored: Uint8Array | string, host: Pick<BackendHost, 'error'>): Awaitable<unknown>
}

/** What kind of store a {@link Serializer} is for. */
export interface StoreTraits {
  /** Up to how many bytes the store prefers text. It must then return text as text. @default 0 */
  readonly mostText?: number
  /**
   * Whether decoded values may share memory with the bytes they are read from, because the store keeps none.
   *
   * @default false
   */
  readonly givesBytes?: boolean
}

/**
 * Creates a {@link Serializer}.
 *
 * @example createSerializer({ secrets: [process.env.CACHE_SECRET], compression: 'zstd' })
 * @throws {ConfigurationError} When an option is unknown or cannot work.
 */
export function createSerializer(options: SerializerOptions = {}, traits: StoreTraits = {}): Serializer {
  return new EnvelopeSerializer(settingsOf(options), traits)
}

const ZERO = 0x30
const NINE = 0x39
const MINUS = 0x2d
/** The length of the longest safe integer, with its sign. */
const MOST_DIGITS = 17

class EnvelopeSerializer implements Serializer {
  readonly #settings: Settings
  readonly #format: Format
  readonly #envelope: EnvelopeSettings
  /** Up to how many bytes small plain data is written as text. */
  readonly #mostText: number
  readonly #givesBytes: boolean

  constructor(settings: Settings, { mostText = 0, givesBytes = false }: StoreTraits) {
    const { codec, limits, compression } = settings
    this.#settings = settings
    this.#format = formatOf(codec, { depth: limits.depth, errorStacks: settings.errorStacks })
    this.#envelope = {
      format: this.#format.id,
      compressor: compression === false ? undefined : compressorOf(compression, limits),
      sealing: sealingOf(settings),
      limits,
    }
    const isPlain = this.#envelope.compressor === undefined && this.#envelope.sealing === undefined
    this.#mostText = isPlain && typeof codec === 'string' ? mostText : 0
    this.#givesBytes = givesBytes
  }

  encode(key: string, value: unknown): Awaitable<Buffer | string> {
    if (isCounter(value)) return String(value)
    if (this.#mostText > 0 && isSmallJson(value, this.#settings.limits.depth)) {
      const text = JSON.stringify(value)
      if (Buffer.byteLength(text) <= this.#mostText) return this.#fitting(key, text)
    }
    const written = this.#format.write(key, value, PLAIN_HEADER)
    return written instanceof Promise ? written.then((bytes) => this.#close(key, bytes)) : this.#close(key, written)
  }

  #fitting(key: string, text: string): string {
    const { limits } = this.#settings
    mustFit(key, text, limits.decoded, 'decoded')
    return mustFit(key, text, limits.encoded, 'encoded')
  }

  #close(key: string, written: Buffer): Awaitable<Buffer> {
    const { limits } = this.#settings
    mustFit(key, written, limits.decoded, 'decoded')
    const envelope = close(key, written, this.#envelope)
    if (envelope instanceof Promise) return envelope.then((bytes) => mustFit(key, bytes, limits.encoded, 'encoded'))
    return mustFit(key, envelope, limits.encoded, 'encoded')
  }

  decode(key: string, stored: Uint8Array | string, host: Pick<BackendHost, 'error'>): Awaitable<unknown> {
    try {
      const value = this.#read(key, stored)
      return isPending(value) ? value.catch((error) => this.#failed(key, error, host)) : value
    } catch (error) {
      return this.#failed(key, error, host)
    }
  }

  #read(key: string, stored: Uint8Array | string): Awaitable<unknown> {
    const { schema } = this.#settings
    const value = typeof stored === 'string' ? this.#parse(key, stored) : this.#readBytes(key, asBuffer(stored))
    return schema === undefined ? value : chain(value, (found) => checked(schema, key, found))
  }

  #readBytes(key: string, bytes: Buffer): Awaitable<unknown> {
    return isEnvelope(bytes) ? this.#open(key, bytes) : counterOf(key, bytes)
  }

  #parse(key: string, text: string): unknown {
    const { encoded } = this.#settings.limits
    const { sealing } = this.#envelope
    if (sealing) return counterOf(key, Buffer.from(text))
    if (text.length > encoded) throw tooLarge(key, text.length, encoded)
    return JSON.parse(text)
  }

  #open(key: string, bytes: Buffer): Awaitable<unknown> {
    const { encoded } = this.#settings.limits
    if (bytes.length > encoded) throw tooLarge(key, bytes.length, encoded)
    const opened = open(key, bytes, this.#envelope)
    return opened instanceof Promise ? opened.then((found) => this.#decoded(found)) : this.#decoded(opened)
  }

  #decoded({ format, bytes, start }: Opened): Awaitable<unknown> {
    if (format === this.#format.id) return this.#format.read(bytes, start, this.#givesBytes)
    const read = READERS[format]
    if (!read) throw new Error('it is in a format that is not set up here')
    return read(bytes, start, this.#givesBytes)
  }

  #failed(key: string, error: unknown, host: Pick<BackendHost, 'error'>): typeof MISS {
    const reason = explained(key, error)
    if (this.#settings.strict && reason.reason !== 'schema') throw reason
    host.error(reason)
    return MISS
  }
}

function sealingOf({ secrets, encryption, signature, maxAge }: Settings): Sealing | undefined {
  if (secrets.length === 0) return undefined
  return { seal: SEALS[encryption ? 'aes-256-gcm' : signature], secrets: secrets.map(prepare), maxAge }
}

function explained(key: string, error: unknown): DecodeError {
  if (error instanceof DecodeError) return error
  const reason = error instanceof CustomTypeError ? 'type' : isGrowth(error) ? 'limit' : 'corrupt'
  const message = (error as Error)?.message ?? String(error)
  return new DecodeError(`The value of "${key}" cannot be read: ${message}.`, { reason, cause: error })
}

/** Whether decompression would exceed the limits, or the announced size. */
function isGrowth(error: unknown): boolean {
  return error instanceof GrowthError || (error as { code?: string } | undefined)?.code === 'ERR_BUFFER_TOO_LARGE'
}

function mustFit<T extends Buffer | string>(key: string, written: T, limit: number, name: string): T {
  const size = typeof written === 'string' ? Buffer.byteLength(written) : written.length
  if (size <= limit) return written
  throw new ValueError(`Cannot store the value of "${key}": it takes ${size} bytes, and limits.${name} is ${limit}.`)
}

function tooLarge(key: string, size: number, limit: number): DecodeError {
  return new DecodeError(`The value of "${key}" takes ${size} bytes, and limits.encoded is ${limit}.`, {
    reason: 'limit',
  })
}

function isCounter(value: unknown): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0)
}

/** Parses decimal text, as written by `INCR` of Redis. */
function counterOf(key: string, bytes: Buffer): number {
  const first = bytes[0] ?? 0
  if (bytes.length <= MOST_DIGITS && (first === MINUS || (first >= ZERO && first <= NINE))) {
    const text = bytes.toString('latin1')
    const count = Number(text)
    if (isCounter(count) && String(count) === text) return count
  }
  throw new DecodeError(`The value of "${key}" was not written by this library.`, { reason: 'foreign' })
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
