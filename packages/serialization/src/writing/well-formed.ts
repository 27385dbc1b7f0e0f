import { TAG, Tagged } from '../formats/tagged.ts'

/** The replacement character, which half a surrogate pair becomes in UTF-8. */
const REPLACEMENT = Buffer.from('\ufffd')

/** Whether text may have been damaged by encoding it as UTF-8. Searching for one byte first is faster. */
export function mayBeIllFormed(written: Buffer): boolean {
  return written.includes(REPLACEMENT[0] as number) && written.includes(REPLACEMENT)
}

/** Returns a copy of settled data in which text that UTF-8 cannot represent is replaced by its 16-bit units. */
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
