import { Buffer } from 'node:buffer'
import { type Awaitable, type BackendHost, DecodeError, MISS, ValueError } from '@cashews/core'
import { type Format, formatOf, READERS } from './codec.ts'
import { compressorOf, GrowthError } from './compression.ts'
import { CustomTypeError } from './custom-types.ts'
import { close, type EnvelopeSettings, isEnvelope, type Opened, open, PLAIN_HEADER, type Sealing } from './envelope.ts'
import { type SerializerOptions, type Settings, settingsOf } from './options.ts'
import { checked } from './schema.ts'
import { prepare, SEALS } from './sealing.ts'
import { isSmallJson } from './small-json.ts'

/** Turns values into bytes and back, for backends that keep bytes. */
export interface Serializer {
  /**
   * Answers what to store for a value: a copy, which later changes of the value do not reach. A safe integer is its
   * decimal text, so that counters are values too; small plain data is JSON text for a store that wants it so, unless it
   * is to be sealed or compressed; everything else is an envelope.
   *
   * @param key The full name under which it is stored. A sealed value is good for this key alone.
   * @throws {ValueError} Or rejects with it, when a part cannot be kept: it names the part and its class.
   */
  encode(key: string, value: unknown): Awaitable<Buffer | string>

  /**
   * Answers the value, or `MISS` after telling `host.error` why it cannot be read or must not be believed.
   *
   * @throws {DecodeError} Or rejects with it, with `strict: true` instead of the miss.
   */
  decode(key: string, stored: Uint8Array | string, host: Pick<BackendHost, 'error'>): Awaitable<unknown>
}

/** What kind of store a {@link Serializer} is for. */
export interface StoreTraits {
  /** Up to how many bytes of text the store reads faster as text than as bytes. It must give back text for text. @default 0 */
  readonly mostText?: number
  /** Whether a value may be a part of the bytes it is read from: the store keeps none that it gave. @default false */
  readonly givesBytes?: boolean
}

/**
 * Makes a {@link Serializer}.
 *
 * @example createSerializer({ secrets: [process.env.CACHE_SECRET], compression: 'zstd' })
 * @throws {ConfigurationError} On an option that does not exist, or a value that cannot work.
 */
export function createSerializer(options: SerializerOptions = {}, traits: StoreTraits = {}): Serializer {
  return new EnvelopeSerializer(settingsOf(options), traits)
}

const ZERO = 0x30
const NINE = 0x39
const MINUS = 0x2d
/** Of the longest safe integer, with its sign. */
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
      return value instanceof Promise ? value.catch((error) => this.#failed(key, error, host)) : value
    } catch (error) {
      return this.#failed(key, error, host)
    }
  }

  #read(key: string, stored: Uint8Array | string): Awaitable<unknown> {
    const { schema } = this.#settings
    const value = typeof stored === 'string' ? this.#parse(key, stored) : this.#readBytes(key, asBuffer(stored))
    if (schema === undefined) return value
    return value instanceof Promise ? value.then((found) => checked(schema, key, found)) : checked(schema, key, value)
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

/** Says it in advance, or grew beyond what it says. */
function isGrowth(error: unknown): boolean {
  return error instanceof GrowthError || (error as { code?: string } | undefined)?.code === 'ERR_BUFFER_TOO_LARGE'
}

function mustFit<T extends Buffer | string>(key: string, written: T, limit: number, name: string): T {
  const size = typeof written === 'string' ? Buffer.byteLength(written) : written.length
  if (size <= limit) return written
  throw new ValueError(`Cannot keep the value of "${key}": it takes ${size} bytes, and limits.${name} is ${limit}.`)
}

function tooLarge(key: string, size: number, limit: number): DecodeError {
  return new DecodeError(`The value of "${key}" takes ${size} bytes, and limits.encoded is ${limit}.`, {
    reason: 'limit',
  })
}

function isCounter(value: unknown): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0)
}

/** Reads decimal text, as `INCR` of Redis writes it. */
function counterOf(key: string, bytes: Buffer): number {
  const first = bytes[0] ?? 0
  if (bytes.length <= MOST_DIGITS && (first === MINUS || (first >= ZERO && first <= NINE))) {
    const text = bytes.toString('latin1')
    const count = Number(text)
    if (isCounter(count) && String(count) === text) return count
  }
  throw new DecodeError(`What "${key}" holds was not written by this library.`, { reason: 'foreign' })
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
