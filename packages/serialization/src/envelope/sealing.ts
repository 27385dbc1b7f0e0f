import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto'
import { ConfigurationError } from '@cashews/core'
import { Hmac, type HmacAlgorithm } from './hmac.ts'

/** A secret: text or bytes, at least 16 bytes long; best 32 random bytes. */
export type Secret = string | Uint8Array

/** How a payload is bound to its key and header: by a signature, or by authenticated encryption. */
export interface Seal {
  /** The number of the algorithm in the header. */
  readonly id: number
  /** How many bytes it adds before the payload. */
  readonly before: number
  /** How many bytes it adds after the payload. */
  readonly after: number
  /** Fills in the bytes before and after the payload, and encrypts the payload if it does so. */
  close(secret: PreparedSecret, key: string, envelope: Buffer, start: number): void
  /** Returns the payload; `undefined` when anything was tampered with, or it was written for another key. */
  open(secret: PreparedSecret, key: string, envelope: Buffer, start: number): Buffer | undefined
}

/** A prepared secret: a derived key for each purpose, and an id. */
export interface PreparedSecret {
  /** Four bytes that identify the secret without revealing it. */
  readonly id: number
  readonly signing: Readonly<Record<HmacAlgorithm, Hmac>>
  readonly encryption: KeyObject
}

const LEAST_BYTES = 16
const NONCE_BYTES = 12
const GCM_TAG_BYTES = 16

/** @throws {ConfigurationError} When the secret is too short. The message does not contain it. */
export function prepare(secret: Secret): PreparedSecret {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (!(bytes instanceof Uint8Array) || bytes.byteLength < LEAST_BYTES)
    throw new ConfigurationError(
      `A secret must have at least ${LEAST_BYTES} bytes. Make one: node -p "crypto.randomBytes(32).toString('base64')"`,
    )
  const derive = (purpose: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', bytes, '', `cashews:${purpose}`, length))
  const signing = derive('sign', 32)
  return {
    id: derive('id', 4).readUInt32BE(),
    signing: { sha256: new Hmac('sha256', signing), sha512: new Hmac('sha512', signing) },
    encryption: createSecretKey(derive('encrypt', 32)),
  }
}

const DOMAIN = 'cashews/v1'

const NO_HEAD: Buffer = Buffer.alloc(0)

/** What a seal covers beside the payload: the key, preceded by its length, and the header. */
function covered(key: string, envelope: Buffer, end: number, head = NO_HEAD): Buffer {
  const length = Buffer.byteLength(key)
  const at = head.length + DOMAIN.length
  const bytes = Buffer.allocUnsafe(at + 4 + length + end)
  head.copy(bytes)
  bytes.write(DOMAIN, head.length, 'latin1')
  bytes.writeUInt32BE(length, at)
  bytes.write(key, at + 4)
  envelope.copy(bytes, at + 4 + length, 0, end)
  return bytes
}

/** A signature behind the payload, over the key, the header and the payload. */
function signature(id: number, algorithm: HmacAlgorithm, size: number): Seal {
  const expected = Buffer.alloc(size)
  const sign = ({ signing }: PreparedSecret, key: string, envelope: Buffer, into: Buffer, at: number): void => {
    const hmac = signing[algorithm]
    hmac.sign(covered(key, envelope, envelope.length - size, hmac.head), into, at)
  }
  return {
    id,
    before: 0,
    after: size,
    close(secret, key, envelope) {
      sign(secret, key, envelope, envelope, envelope.length - size)
    },
    open(secret, key, envelope, start) {
      if (envelope.length < start + size) return undefined
      sign(secret, key, envelope, expected, 0)
      if (!timingSafeEqual(expected, envelope.subarray(-size))) return undefined
      return envelope.subarray(start, -size)
    },
  }
}

/** AES-256-GCM (NIST SP 800-38D) with a random nonce; the key and the header are its associated data. */
const GCM: Seal = {
  id: 16,
  before: NONCE_BYTES,
  after: GCM_TAG_BYTES,
  close(secret, key, envelope, start) {
    const nonce = randomFillSync(envelope.subarray(start, start + NONCE_BYTES))
    const cipher = createCipheriv('aes-256-gcm', secret.encryption, nonce)
    cipher.setAAD(covered(key, envelope, start))
    const payload = envelope.subarray(start + NONCE_BYTES, -GCM_TAG_BYTES)
    cipher.update(payload).copy(payload)
    cipher.final()
    cipher.getAuthTag().copy(envelope, envelope.length - GCM_TAG_BYTES)
  },
  open(secret, key, envelope, start) {
    if (envelope.length < start + NONCE_BYTES + GCM_TAG_BYTES) return undefined
    const nonce = envelope.subarray(start, start + NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', secret.encryption, nonce, { authTagLength: GCM_TAG_BYTES })
    decipher.setAAD(covered(key, envelope, start))
    decipher.setAuthTag(envelope.subarray(-GCM_TAG_BYTES))
    const payload = decipher.update(envelope.subarray(start + NONCE_BYTES, -GCM_TAG_BYTES))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return payload
  },
}

/** The ways to seal values. Their numbers are stored: never change or reuse one. */
export const SEALS: Readonly<Record<'sha256' | 'sha512' | 'aes-256-gcm', Seal>> = {
  sha256: signature(1, 'sha256', 32),
  sha512: signature(2, 'sha512', 64),
  'aes-256-gcm': GCM,
}
