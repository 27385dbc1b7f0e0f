import { kindOfOption, ValueError } from '@cashews/core'

/**
 * The bytes or text that `setRaw` writes in a store of bytes.
 *
 * @throws {ValueError} When `getRaw` cannot have returned the value.
 */
export function rawOf(value: unknown): Buffer | string {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value
  if (value instanceof Uint8Array) return Buffer.from(value)
  throw new ValueError(`setRaw writes what getRaw returned, bytes or text, not ${kindOfOption(value)}.`)
}
