import { isUtf8 } from 'node:buffer'
import { revive } from '../reading/revive.ts'
import { MARK } from './tagged.ts'

/** How a tagged part begins in JSON text. Strings of users may contain it too: reading them only takes a little longer. */
const BEGIN = `{"${MARK}":[`

/** Writes settled data as JSON text, after `reserved` bytes that are free for a header. */
export function stringify(settled: unknown, reserved: number): Buffer {
  const text = JSON.stringify(settled)
  const bytes = Buffer.allocUnsafe(reserved + Buffer.byteLength(text))
  bytes.write(text, reserved)
  return bytes
}

/** Reads JSON text from `start` on. */
export function parse(bytes: Buffer, start: number): unknown {
  const text = bytes.toString('utf8', start)
  // Invalid UTF-8 becomes this character, but a string may also contain it.
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start))) throw new Error('the payload is not UTF-8')
  const value: unknown = JSON.parse(text)
  return text.includes(BEGIN) ? untag(value) : value
}

/** Restores the tagged parts, the inner ones first. */
function untag(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(untag)
  const keys = Object.keys(value)
  if (keys.length !== 1 || keys[0] !== MARK) {
    const fields = value as Record<string, unknown>
    for (const key of keys) if (key !== '__proto__') fields[key] = untag(fields[key])
    return value
  }
  return revive(untag((value as Record<string, unknown>)[MARK]))
}
