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
import { isBits } from './bit-string.ts'
import type { Keyspace } from './keyspace.ts'
import { joinTags, splitTags } from './tagged-bytes.ts'

/** What Redis keeps for a value. */
export type Encoded = Buffer | string

/** Turns values into what Redis keeps and back: an encoded value, behind its tags if it has any; the record of a tag is text. */
export class StoredValues {
  readonly #keys: Keyspace
  readonly #serializer: Serializer
  readonly #host: Pick<BackendHost, 'error'>

  /** @param error Hears why something cannot be read. */
  constructor(keys: Keyspace, serializer: Serializer, error: (error: unknown) => void) {
    this.#keys = keys
    this.#serializer = serializer
    this.#host = { error }
  }

  /** @throws {ValueError} Or rejects with it, when a part cannot be kept. */
  encode(key: string, value: unknown): Awaitable<Encoded> {
    if (isRecordKey(key)) return String(value)
    const stamps = stampsBeside(value)
    const name = this.#keys.value(key)
    if (stamps === undefined) return this.encodeBare(name, value)
    return chain(this.encodeBare(name, (value as Tagged).value), (bytes) => joinTags(stamps, bytes))
  }

  /** The same of a value without tags, or of what is to stand behind them. */
  encodeBare(name: string, value: unknown): Awaitable<Encoded> {
    return this.#serializer.encode(name, value)
  }

  /** Answers `MISS` for what cannot be read, and for what is not a value. */
  decode(key: string, bytes: Buffer | null, name: string = this.#keys.value(key)): Awaitable<unknown> {
    if (bytes === null || isBits(bytes)) return MISS
    if (isRecordKey(key)) return bytes.toString()
    const split = splitTags(bytes)
    if (split === undefined) return this.decodeBare(name, bytes)
    return chain(this.decodeBare(name, split.bytes), (value) => (value === MISS ? MISS : tagged(split.stamps, value)))
  }

  /** The same of a value without tags, or of what stands behind them. */
  decodeBare(name: string, bytes: Buffer): Awaitable<unknown> {
    return this.#serializer.decode(name, bytes, this.#host)
  }
}
