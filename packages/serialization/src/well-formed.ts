import { TAG, Tagged } from './tagged.ts'

/** What UTF-8 makes of half a surrogate pair. */
const REPLACEMENT = Buffer.from('\ufffd')

/** Tells whether text may have been lost when it became UTF-8. To look for one byte first is faster. */
export function mayBeIllFormed(written: Buffer): boolean {
  return written.includes(REPLACEMENT[0] as number) && written.includes(REPLACEMENT)
}

/** Says by its 16-bit units, anywhere in settled data, text that UTF-8 cannot say. Answers a copy. */
export function spellOut(settled: unknown): unknown {
  if (typeof settled === 'string')
    return settled.isWellFormed() ? settled : new Tagged(TAG.text, Buffer.from(settled, 'utf16le'))
  if (typeof settled !== 'object' || settled === null || ArrayBuffer.isView(settled)) return settled
  if (Array.isArray(settled)) return settled.map(spellOut)
  if (settled instanceof Tagged) return new Tagged(settled.tag, spellOut(settled.content))
  const keys = Object.keys(settled)
  const parts = keys.map((key) => spellOut((settled as Record<string, unknown>)[key]))
  if (keys.every((key) => key.isWellFormed())) return Object.fromEntries(keys.map((key, at) => [key, parts[at]]))
  return new Tagged(
    TAG.entries,
    keys.flatMap((key, at) => [spellOut(key), parts[at]]),
  )
}
