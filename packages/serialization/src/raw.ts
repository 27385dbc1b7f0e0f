import { kindOfOption, ValueError } from '@cashews/core'

/**
 * What a store that keeps bytes writes for `setRaw`.
 *
 * @throws {ValueError} When it is nothing that `getRaw` answers.
 */
export function rawOf(value: unknown): Buffer | string {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value
  if (value instanceof Uint8Array) return Buffer.from(value)
  throw new ValueError(`setRaw writes what getRaw answers, bytes or text, not ${kindOfOption(value)}.`)
}
