import { type Awaitable, chain, DecodeError } from '@cashews/core'
import { type Compressor, decompress, type GrowthLimits } from './compression.ts'
import type { PreparedSecret, Seal } from './sealing.ts'

/**
 * The bytes around a payload, version 1. Documented in `docs/envelope.md`; old ones must stay readable.
 *
 *     0xC5 | 0x1f | [compression, size (4)] | [seal, secret (4), milliseconds (6)] | [nonce] payload [tag]
 *
 * `f` are flags: the format of the payload in the lower two bits, then whether it is compressed, and whether it is
 * sealed. In text or in MessagePack of others, the second byte cannot follow the first.
 */
const MAGIC = 0xc5
const VERSION = 1
const FORMAT_BITS = 0b0011
const COMPRESSED = 0b0100
const SEALED = 0b1000

/** The length of the header of a payload that is neither compressed nor sealed. */
export const PLAIN_HEADER = 2
/** The algorithm and the size before compression. */
const COMPRESSION_HEADER = 5
/** The seal, the secret and the time. */
const SEAL_HEADER = 11

/** How envelopes are sealed, and what is required of those that are opened. */
export interface EnvelopeSettings {
  readonly format: number
  readonly compressor: Compressor | undefined
  /** Absent: envelopes are not sealed, and sealed ones cannot be opened. */
  readonly sealing: Sealing | undefined
  readonly limits: GrowthLimits
}

export interface Sealing {
  readonly seal: Seal
  /** The first one seals, all of them open. */
  readonly secrets: readonly PreparedSecret[]
  /** In milliseconds. */
  readonly maxAge: number
}

/** The content of an envelope: the payload, from `start` on, and its format. */
export interface Opened {
  readonly format: number
  readonly bytes: Buffer
  readonly start: number
}

/** Whether bytes begin like an envelope. */
export function isEnvelope(bytes: Uint8Array): boolean {
  return bytes[0] === MAGIC
}

/** Wraps a payload, which was written behind room for a plain header, in an envelope. */
export function close(key: string, written: Buffer, settings: EnvelopeSettings): Awaitable<Buffer> {
  const { format, compressor, sealing } = settings
  written[0] = MAGIC
  written[1] = (VERSION << 4) | format
  if (!compressor) return sealed(key, written, PLAIN_HEADER, sealing)
  return chain(compressor.compress(written.subarray(PLAIN_HEADER)), (smaller) => {
    if (!smaller) return sealed(key, written, PLAIN_HEADER, sealing)
    const head = Buffer.of(MAGIC, (VERSION << 4) | COMPRESSED | format, smaller.algorithm, 0, 0, 0, 0)
    head.writeUInt32BE(written.length - PLAIN_HEADER, PLAIN_HEADER + 1)
    return sealed(key, Buffer.concat([head, smaller.bytes]), head.length, sealing)
  })
}

/** Makes room for the seal in an envelope whose header is `head` bytes long, and seals it; only if there is a sealing. */
function sealed(key: string, plain: Buffer, head: number, sealing: Sealing | undefined): Buffer {
  if (!sealing) return plain
  const { seal, secrets } = sealing
  const [secret] = secrets as readonly [PreparedSecret]
  const start = head + SEAL_HEADER
  const envelope = Buffer.allocUnsafe(plain.length + SEAL_HEADER + seal.before + seal.after)
  plain.copy(envelope, 0, 0, head)
  envelope[1] = (envelope[1] as number) | SEALED
  envelope[head] = seal.id
  envelope.writeUInt32BE(secret.id, head + 1)
  envelope.writeUIntBE(Date.now(), head + 5, 6)
  plain.copy(envelope, start + seal.before, head)
  seal.close(secret, key, envelope, start)
  return envelope
}

/**
 * Opens an envelope. Nothing is decompressed or decoded before its seal is verified.
 *
 * @throws {DecodeError} Or rejects with it, when the envelope is invalid.
 */
export function open(key: string, envelope: Buffer, settings: EnvelopeSettings): Awaitable<Opened> {
  const { limits, sealing } = settings
  const flags = envelope[1] ?? 0
  if (flags >> 4 !== VERSION)
    throw new DecodeError(`The value of "${key}" is of an unknown version.`, { reason: 'foreign' })
  const format = flags & FORMAT_BITS
  const isCompressed = (flags & COMPRESSED) !== 0
  const head = isCompressed ? PLAIN_HEADER + COMPRESSION_HEADER : PLAIN_HEADER
  if (envelope.length < head) throw cutOff(key)
  const bytes = opened(key, envelope, head, (flags & SEALED) !== 0, sealing)
  const start = bytes === envelope ? head : 0
  if (!isCompressed) return { format, bytes, start }
  const algorithm = envelope.readUInt8(PLAIN_HEADER)
  const size = envelope.readUInt32BE(PLAIN_HEADER + 1)
  const inflated = decompress(algorithm, start === 0 ? bytes : bytes.subarray(start), size, limits)
  return chain(inflated, (all) => ({ format, bytes: all, start: 0 }))
}

/** Returns the envelope itself when it is not sealed and need not be, otherwise the payload under the seal. */
function opened(key: string, envelope: Buffer, head: number, isSealed: boolean, sealing: Sealing | undefined): Buffer {
  if (!isSealed) {
    if (sealing) throw new DecodeError(`The value of "${key}" is not ${adjective(sealing)}.`, { reason: 'unsealed' })
    return envelope
  }
  if (!sealing)
    throw new DecodeError(`The value of "${key}" is sealed, and there is no secret to open it.`, { reason: 'unsealed' })
  const { seal, secrets, maxAge } = sealing
  const start = head + SEAL_HEADER
  if (envelope.length < start) throw cutOff(key)
  if (envelope[head] !== seal.id)
    throw new DecodeError(`The value of "${key}" is not ${adjective(sealing)} as it must be.`, { reason: 'forged' })
  const id = envelope.readUInt32BE(head + 1)
  const secret = secrets.find((known) => known.id === id)
  const payload = secret && seal.open(secret, key, envelope, start)
  if (!payload)
    throw new DecodeError(
      secret
        ? `The value of "${key}" was changed, or written for another key.`
        : `The value of "${key}" was sealed with a secret that is not, or no longer, in use.`,
      { reason: 'forged' },
    )
  if (Date.now() - envelope.readUIntBE(head + 5, 6) > maxAge)
    throw new DecodeError(`The value of "${key}" was sealed longer ago than maxAge.`, { reason: 'expired' })
  return payload
}

function cutOff(key: string): DecodeError {
  return new DecodeError(`The value of "${key}" is cut off.`, { reason: 'corrupt' })
}

function adjective({ seal }: Sealing): string {
  return seal.before > 0 ? 'encrypted' : 'signed'
}
