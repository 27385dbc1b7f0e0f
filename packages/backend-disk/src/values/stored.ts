/** The `value` column: text, bytes or a counter, the instants of a window, or the length of a value kept in parts. */
export type Stored = Buffer | string | number

const WHOLE_NUMBER = /^-?\d{1,16}$/

/** Counters are stored as numbers, so that `incr` needs no decoding. */
export function storedOf(encoded: Buffer | string): Stored {
  if (typeof encoded !== 'string' || !WHOLE_NUMBER.test(encoded)) return encoded
  const number = Number(encoded)
  return String(number) === encoded ? number : encoded
}

/** The serialized form of a stored value. */
export function serializedOf(stored: Stored): Buffer | string {
  return typeof stored === 'number' ? String(stored) : stored
}
