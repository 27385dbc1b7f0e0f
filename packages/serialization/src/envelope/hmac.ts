import { hash } from 'node:crypto'

const BLOCK_BYTES = { sha256: 64, sha512: 128 } as const
const INNER = 0x36
const OUTER = 0x5c

export type HmacAlgorithm = keyof typeof BLOCK_BYTES

/**
 * HMAC (RFC 2104) with a fixed key, by Node's one-shot hashes: `createHmac` creates a stream per message, which takes
 * longer than hashing a kilobyte twice.
 */
export class Hmac {
  /** What every message must begin with: the key block of the inner hash. */
  readonly head: Buffer
  readonly #algorithm: HmacAlgorithm
  /** The key block of the outer hash, and room for the inner digest. */
  readonly #outer: Buffer

  /** @param key At least as long as the digest, as RFC 2104 advises, and no longer than a block. */
  constructor(algorithm: HmacAlgorithm, key: Buffer) {
    const block = Buffer.alloc(BLOCK_BYTES[algorithm])
    key.copy(block)
    this.#algorithm = algorithm
    this.head = Buffer.from(block.map((byte) => byte ^ INNER))
    this.#outer = Buffer.alloc(block.length + block.length / 2)
    this.#outer.set(block.map((byte) => byte ^ OUTER))
  }

  /**
   * Writes the tag of a message. Digests pass as latin1 text, which Node creates faster than a buffer.
   *
   * @param message The message, preceded by {@link Hmac.head}.
   */
  sign(message: Buffer, into: Buffer, at: number): void {
    this.#outer.write(hash(this.#algorithm, message, 'binary'), this.head.length, 'binary')
    into.write(hash(this.#algorithm, this.#outer, 'binary'), at, 'binary')
  }
}
