import { types } from 'node:util'
import { type Awaitable, isPending, ValueError } from '@cashews/core'
import { bytesIn, isBytesAlone, packBytes } from './formats/bytes-alone.ts'
import { parse, stringify } from './formats/json.ts'
import { pack, unpack } from './formats/msgpack.ts'
import { reviveAll } from './reading/custom-parts.ts'
import { isFlat } from './writing/flat.ts'
import { packPlain } from './writing/plain-writer.ts'
import { Refusal, UNREGISTERED } from './writing/refusal.ts'
import { nameOf, remedyFor } from './writing/remedy.ts'
import { settle, Unsettled } from './writing/settle.ts'
import type { Vocabulary } from './writing/settler.ts'
import { mayBeIllFormed, spellOut } from './writing/well-formed.ts'
import { whereIs } from './writing/where-is.ts'

/**
 * A custom format. It is given values as they are, must throw for those it cannot encode, and must return copies.
 * Without signing, `decode` must withstand arbitrary bytes.
 */
export interface Codec {
  /** Encodes a value. */
  encode(value: unknown): Awaitable<Uint8Array | string>
  /** Decodes what {@link encode} returned, or throws. */
  decode(bytes: Uint8Array): Awaitable<unknown>
}

/** The formats, as numbered in stored headers. Never change a number. */
const FORMAT = { msgpack: 0, json: 1, own: 2 } as const

/** Writes values, after `reserved` free bytes, and reads them from `start` on. */
export interface Format {
  readonly id: number
  write(key: string, value: unknown, reserved: number): Awaitable<Buffer>
  /** @param isGiven Whether the value may share memory with the bytes, because they have no other owner. */
  read(bytes: Buffer, start: number, isGiven: boolean): Awaitable<unknown>
}

/** The format that `codec` asks for. */
export function formatOf(codec: 'msgpack' | 'json' | Codec, words: Pick<Vocabulary, 'depth' | 'errorStacks'>): Format {
  if (codec === 'msgpack') return new BuiltIn(FORMAT.msgpack, { ...words, jsonOnly: false }, packPlain, packWellFormed)
  if (codec === 'json') return new BuiltIn(FORMAT.json, { ...words, jsonOnly: true }, stringifyFlat, stringify)
  return new OwnFormat(codec)
}

/** The formats that are always readable, whichever one is written. */
export const READERS: Readonly<Record<number, Format['read']>> = {
  [FORMAT.msgpack]: (bytes, start, isGiven) => {
    const alone = bytesIn(bytes, start)
    if (alone === undefined) return reviveAll(unpack, bytes, start)
    return isGiven ? alone : Buffer.from(alone)
  },
  [FORMAT.json]: (bytes, start) => reviveAll(parse, bytes, start),
}

class BuiltIn implements Format {
  readonly id: number
  readonly #words: Vocabulary
  readonly #writePlain: typeof packPlain
  readonly #write: typeof packWellFormed
  readonly read: Format['read']

  /** @param writePlain Writes values that need no settling; returns `undefined` for others. */
  constructor(id: 0 | 1, words: Vocabulary, writePlain: typeof packPlain, write: typeof packWellFormed) {
    this.id = id
    this.#words = words
    this.#writePlain = writePlain
    this.#write = write
    this.read = READERS[id] as Format['read']
  }

  write(key: string, value: unknown, reserved: number): Awaitable<Buffer> {
    try {
      const written = this.#writePlain(value, this.#words.depth, reserved)
      if (written !== undefined) return written
      const settled = settle(value, this.#words)
      return settled instanceof Unsettled
        ? this.#writeLater(key, value, settled, reserved)
        : this.#write(settled, reserved)
    } catch (error) {
      throw explained(key, value, error)
    }
  }

  async #writeLater(key: string, value: unknown, unsettled: Unsettled, reserved: number): Promise<Buffer> {
    try {
      return this.#write(await unsettled.settled(), reserved)
    } catch (error) {
      throw explained(key, value, error)
    }
  }
}

function packWellFormed(settled: unknown, reserved: number): Buffer {
  if (isBytesAlone(settled)) return packBytes(settled, reserved)
  const written = pack(settled, reserved)
  return mayBeIllFormed(written) ? pack(spellOut(settled), reserved) : written
}

function stringifyFlat(value: unknown, _depth: number, reserved: number): Buffer | undefined {
  return isFlat(value) ? stringify(value, reserved) : undefined
}

class OwnFormat implements Format {
  readonly id: number = FORMAT.own
  readonly #codec: Codec

  constructor(codec: Codec) {
    this.#codec = codec
  }

  write(key: string, value: unknown, reserved: number): Awaitable<Buffer> {
    try {
      const encoded = this.#codec.encode(value)
      return isPending(encoded) ? this.#writeLater(key, value, encoded, reserved) : behind(reserved, encoded)
    } catch (error) {
      throw explained(key, value, error)
    }
  }

  async #writeLater(
    key: string,
    value: unknown,
    encoded: Promise<Uint8Array | string>,
    reserved: number,
  ): Promise<Buffer> {
    try {
      return behind(reserved, await encoded)
    } catch (error) {
      throw explained(key, value, error)
    }
  }

  read(bytes: Buffer, start: number): Awaitable<unknown> {
    return this.#codec.decode(bytes.subarray(start))
  }
}

function behind(reserved: number, encoded: Uint8Array | string): Buffer {
  if (typeof encoded !== 'string' && !types.isUint8Array(encoded))
    throw new TypeError('encode of the codec returned neither bytes nor text')
  return Buffer.concat([Buffer.allocUnsafe(reserved), typeof encoded === 'string' ? Buffer.from(encoded) : encoded])
}

function explained(key: string, value: unknown, error: unknown): ValueError {
  if (error instanceof Refusal) {
    const { part, message } = error
    const what = `${whereIs(part, value)} is ${nameOf(part)}`
    const remedy = message === UNREGISTERED && typeof part === 'object' && part !== null ? remedyFor(part) : ''
    return new ValueError(`Cannot store the value of "${key}": ${what}, and ${message}.${remedy}`)
  }
  const why = error instanceof RangeError ? 'it is nested too deeply' : String((error as Error)?.message ?? error)
  return new ValueError(`Cannot store the value of "${key}": ${why}.`, { cause: error })
}
