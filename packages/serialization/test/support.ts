import { type DecodeError, MISS } from '@cashews/core'
import { createSerializer, type Serializer, type SerializerOptions } from '@cashews/serialization'

/** Writes a value and reads it back. */
export async function roundTrip(value: unknown, options: SerializerOptions = {}, key = 'key'): Promise<unknown> {
  const serializer = createSerializer({ strict: true, ...options })
  return serializer.decode(key, asBytes(await serializer.encode(key, value)), { error: () => {} })
}

/** What is written, as a store that knows bytes only has it. */
export function asBytes(encoded: Buffer | string): Buffer {
  return Buffer.from(encoded as string)
}

/** Reads bytes that must be a miss, and answers what the host was told. */
export async function missOf(serializer: Serializer, bytes: Uint8Array, key = 'key'): Promise<DecodeError> {
  const errors: unknown[] = []
  const answer = await serializer.decode(key, bytes, { error: (error) => errors.push(error) })
  if (answer !== MISS) throw new Error(`It was read as ${String(answer)}.`)
  if (errors.length !== 1) throw new Error(`The host was told ${errors.length} times.`)
  return errors[0] as DecodeError
}
