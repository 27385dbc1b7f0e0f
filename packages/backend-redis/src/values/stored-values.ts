import {
  type Awaitable,
  type BackendHost,
  chain,
  isRecordKey,
  MISS,
  stampsBeside,
  type Tagged,
  tagged,
} from '@cashews/core'
import type { Serializer } from '@cashews/serialization'
import type { Keyspace } from '../keys/keyspace.ts'
import { isBits } from '../kinds/bit-string.ts'
import { joinTags, splitTags } from '../tags/tagged-bytes.ts'

/** The stored form of a value. */
export type Encoded = Buffer | string

/** Converts values to their stored form and back: an encoded value, behind its tags if it has any. Records of tags are text. */
export class StoredValues {
  readonly #keys: Keyspace
  readonly #serializer: Serializer
  readonly #host: Pick<BackendHost, 'error'>

  /** @param error Told why a value cannot be read. */
  constructor(keys: Keyspace, serializer: Serializer, error: (error: unknown) => void) {
    this.#keys = keys
    this.#serializer = serializer
    this.#host = { error }
  }

  /** @throws {ValueError} Or rejects with it, when a part of the value cannot be stored. */
  encode(key: string, value: unknown): Awaitable<Encoded> {
    if (isRecordKey(key)) return String(value)
    const stamps = stampsBeside(value)
    const name = this.#keys.value(key)
    if (stamps === undefined) return this.encodeBare(name, value)
    return chain(this.encodeBare(name, (value as Tagged).value), (bytes) => joinTags(stamps, bytes))
  }

  /** Encodes a value without its tags. */
  encodeBare(name: string, value: unknown): Awaitable<Encoded> {
    return this.#serializer.encode(name, value)
  }

  /** Returns `MISS` for bytes that cannot be read or are not a value. */
  decode(key: string, bytes: Buffer | null, name: string = this.#keys.value(key)): Awaitable<unknown> {
    if (bytes === null || isBits(bytes)) return MISS
    if (isRecordKey(key)) return bytes.toString()
    const split = splitTags(bytes)
    if (split === undefined) return this.decodeBare(name, bytes)
    return chain(this.decodeBare(name, split.bytes), (value) => (value === MISS ? MISS : tagged(split.stamps, value)))
  }

  /** Decodes a value without its tags. */
  decodeBare(name: string, bytes: Buffer): Awaitable<unknown> {
    return this.#serializer.decode(name, bytes, this.#host)
  }
}
