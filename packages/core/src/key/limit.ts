import { percent } from './escape.ts'

/** The longest key, in UTF-16 units. A longer one ends in its own hash instead. */
export const MAX_KEY_LENGTH = 512

/** Hashes text to lower-case hex. Loads `node:crypto` on first use. */
export function hash(algorithm: string, text: string): string {
  return process.getBuiltinModule('node:crypto').hash(algorithm, text)
}

/**
 * Shortens a key to {@link MAX_KEY_LENGTH}: `<its beginning>:#sha256:<128 bits of the hash of all of it>`. Halves of surrogate
 * pairs, which only `:raw` and key functions let through, are escaped, because stores of bytes refuse them.
 */
export function limitKey(text: string): string {
  const key = text.isWellFormed() ? text : text.replace(/\p{Cs}/gu, percent)
  if (key.length <= MAX_KEY_LENGTH) return key
  const tail = `:#sha256:${hash('sha256', key).slice(0, 32)}`
  return key.slice(0, MAX_KEY_LENGTH - tail.length).toWellFormed() + tail
}
