import { hash } from 'node:crypto'

const BLOCK_BYTES = { sha256: 64, sha512: 128 } as const
const INNER = 0x36
const OUTER = 0x5c

export type HmacAlgorithm = keyof typeof BLOCK_BYTES

/**
 * HMAC (RFC 2104) of one key, by Node's one-shot hashes: `createHmac` makes a stream for every message, which takes longer
 * than both hashes of a kilobyte.
 */
export class Hmac {
  /** What a message must begin with: the block of the inner hash, which the key fills. */
  readonly head: Buffer
  readonly #algorithm: HmacAlgorithm
  /** The block of the outer hash, and room for the inner digest. */
  readonly #outer: Buffer

  /** @param key As long as the digest at least, as RFC 2104 advises, and no longer than a block. */
  constructor(algorithm: HmacAlgorithm, key: Buffer) {
    const block = Buffer.alloc(BLOCK_BYTES[algorithm])
    key.copy(block)
    this.#algorithm = algorithm
    this.head = Buffer.from(block.map((byte) => byte ^ INNER))
    this.#outer = Buffer.alloc(block.length + block.length / 2)
    this.#outer.set(block.map((byte) => byte ^ OUTER))
  }

  /**
   * Writes the tag of a message. Digests are text of one character per byte on the way, which Node makes in less time than
   * a buffer.
   *
   * @param message Behind {@link Hmac.head}.
   */
  sign(message: Buffer, into: Buffer, at: number): void {
    this.#outer.write(hash(this.#algorithm, message, 'binary'), this.head.length, 'binary')
    into.write(hash(this.#algorithm, this.#outer, 'binary'), at, 'binary')
  }
}
