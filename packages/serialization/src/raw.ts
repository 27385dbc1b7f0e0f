import { types } from 'node:util'
import { kindOfOption, ValueError } from '@cashews/core'

/**
 * The bytes or text that `setRaw` writes in a store of bytes. Bytes are a copy, which the store may do with as it likes.
 *
 * @throws {ValueError} When `getRaw` cannot have returned the value.
 */
export function rawOf(value: unknown): Buffer | string {
  if (typeof value === 'string') return value
  if (types.isUint8Array(value)) return Buffer.from(value)
  throw new ValueError(`setRaw writes what getRaw returned, bytes or text, not ${kindOfOption(value)}.`)
}
