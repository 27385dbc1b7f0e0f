import { hash } from 'node:crypto'

/** How many bytes a hash takes at once: what RFC 2104 pads a key to. */
const BLOCK = { sha256: 64, sha512: 128 } as const
const INNER = 0x36
const OUTER = 0x5c

/**
 * A key of HMAC (RFC 2104), used for many messages. What depends on the key alone is made once, and two hashes are left:
 * `createHmac` makes an object for each message, which takes longer than to hash a kilobyte.
 */
export class HmacKey {
  readonly #algorithm: keyof typeof BLOCK
  /** What stands before a message when it is hashed. */
  readonly prefix: Buffer
  /** The other pad of the key, and behind it room for the hash of the message. */
  readonly #outer: Buffer
  readonly #found: Buffer

  /** @param key At most a block: 64 bytes, with SHA-512 128. */
  constructor(algorithm: keyof typeof BLOCK, key: Uint8Array) {
    const block = BLOCK[algorithm]
    this.#algorithm = algorithm
    this.prefix = padded(key, block, INNER)
    this.#found = Buffer.alloc(block / 2)
    this.#outer = Buffer.concat([padded(key, block, OUTER), this.#found])
  }

  /**
   * Answers the tag of a message that stands behind {@link prefix}. It is good until the next one is asked for.
   */
  tagOf(prefixed: Buffer): Buffer {
    // As text between, because Node takes longer to make a buffer of a hash than we do.
    this.#outer.write(hash(this.#algorithm, prefixed, 'binary'), this.prefix.length, 'latin1')
    this.#found.write(hash(this.#algorithm, this.#outer, 'binary'), 'latin1')
    return this.#found
  }
}

function padded(key: Uint8Array, block: number, pad: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: block }, (_, at) => (key[at] ?? 0) ^ pad))
}
