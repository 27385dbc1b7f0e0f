import { type Awaitable, chain, ValueError } from '@cashews/core'
import { parse, stringify } from './json.ts'
import { pack, unpack } from './msgpack.ts'
import { reviveAll } from './revive.ts'
import { Refusal, settle, type Vocabulary } from './settle.ts'
import { whereIs } from './where-is.ts'

/**
 * A format of your own. It gets values as they are and answers for all of them: what it cannot keep it throws for, and
 * it copies what it answers. Reading must survive any bytes when nobody signs them.
 */
export interface Codec {
  encode(value: unknown): Awaitable<Uint8Array | string>
  decode(bytes: Uint8Array): Awaitable<unknown>
}

/** Names of the formats in the header of what is stored. Never change one. */
export const FORMAT = { msgpack: 0, json: 1, own: 2 } as const

/** Writes values, after `reserved` free bytes, and reads them from `start` on. */
export interface Format {
  readonly id: number
  write(key: string, value: unknown, reserved: number): Awaitable<Buffer>
  read(bytes: Buffer, start: number): Awaitable<unknown>
}

type Vocabularies = Omit<Vocabulary, 'jsonOnly'>

/** The format that `codec` asks for. */
export function formatOf(codec: 'msgpack' | 'json' | Codec, words: Vocabularies): Format {
  if (codec === 'msgpack') return builtIn(FORMAT.msgpack, { ...words, jsonOnly: false })
  if (codec === 'json') return builtIn(FORMAT.json, { ...words, jsonOnly: true })
  return {
    id: FORMAT.own,
    write: (key, value, reserved) =>
      chain(
        attempt(key, value, () => codec.encode(value)),
        (encoded) => {
          const bytes = typeof encoded === 'string' ? Buffer.from(encoded) : encoded
          return Buffer.concat([Buffer.allocUnsafe(reserved), bytes])
        },
      ),
    read: (bytes, start) => codec.decode(bytes.subarray(start)),
  }
}

/** The formats that everybody reads, whichever he writes. */
export const READERS: Readonly<Record<number, Format['read']>> = {
  [FORMAT.msgpack]: (bytes, start) => reviveAll(() => unpack(bytes, start)),
  [FORMAT.json]: (bytes, start) => reviveAll(() => parse(bytes, start)),
}

function builtIn(id: 0 | 1, words: Vocabulary): Format {
  const write = id === FORMAT.msgpack ? pack : stringify
  return {
    id,
    write: (key, value, reserved) =>
      chain(
        attempt(key, value, () => settle(value, words)),
        (settled) => write(settled, reserved),
      ),
    read: READERS[id] as Format['read'],
  }
}

/** Says which part of which value cannot be kept, whether that shows now or later. */
function attempt<T>(key: string, value: unknown, encode: () => Awaitable<T>): Awaitable<T> {
  const refuse = (error: unknown): never => {
    throw explained(key, value, error)
  }
  try {
    const encoded = encode()
    return encoded instanceof Promise ? encoded.catch(refuse) : encoded
  } catch (error) {
    return refuse(error)
  }
}

function explained(key: string, value: unknown, error: unknown): ValueError {
  if (error instanceof Refusal) {
    const { part, message } = error
    const what = `${whereIs(part, value)} is ${nameOf(part)}`
    const remedy = typeof part === 'object' && message.includes('registered') ? remedyFor(part) : ''
    return new ValueError(`Cannot keep the value of "${key}": ${what}, and ${message}.${remedy}`)
  }
  const why = error instanceof RangeError ? 'it is nested too deeply' : String((error as Error)?.message ?? error)
  return new ValueError(`Cannot keep the value of "${key}": ${why}.`, { cause: error })
}

function remedyFor(part: object | null): string {
  const name = part?.constructor?.name || 'the class'
  return ` Store plain data, or say how it is kept: registerType(${name}, { id, encode, decode }).`
}

function nameOf(part: unknown): string {
  if (typeof part === 'function') return `the function "${part.name}"`
  if (typeof part === 'symbol') return `the symbol ${String(part)}`
  return `an object of class "${(part as object | null)?.constructor?.name ?? 'Object'}"`
}
