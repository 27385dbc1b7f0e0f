/** What would mean something in a key or a pattern: separators, wildcards, our own marks, and what UTF-8 cannot hold. */
const UNSAFE = /[\p{Cc}\p{Cs}%:*?[\]\\,=(){}]|^#/gu

/** What most values are made of. Says "clean" faster than {@link UNSAFE} can. */
const PLAIN = /^[\w.@/+-]+$/

/** Escapes one character: `%3A`, or `%uD800` beyond Latin-1. */
export function percent(character: string): string {
  const hex = character.codePointAt(0)?.toString(16).toUpperCase() ?? ''
  return hex.length > 2 ? `%u${hex}` : `%${hex.padStart(2, '0')}`
}

/**
 * Writes text so that it stands for itself in a key: no two texts look alike, none is empty, and none can act as a
 * separator or a wildcard. Letters of any language stay readable.
 */
export function escapeText(text: string): string {
  if (PLAIN.test(text)) return text
  return text === '' ? '#empty' : text.replace(UNSAFE, percent)
}
