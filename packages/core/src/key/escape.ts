/** Characters with a meaning in keys or patterns: separators, wildcards, our own marks, and those that UTF-8 cannot encode. */
const UNSAFE = /[\p{Cc}\p{Cs}%:*?[\]\\,=(){}]|^#/gu

/** The characters that most values consist of: a faster check than {@link UNSAFE}. */
const PLAIN = /^[\w.@/+-]+$/

/** Escapes one character: `%3A`, or `%uD800` beyond Latin-1. */
export function percent(character: string): string {
  const hex = character.codePointAt(0)?.toString(16).toUpperCase() ?? ''
  return hex.length > 2 ? `%u${hex}` : `%${hex.padStart(2, '0')}`
}

/**
 * Escapes text for a key: injective, never empty, and without separators and wildcards. Letters of any language stay
 * readable.
 */
export function escapeText(text: string): string {
  if (PLAIN.test(text)) return text
  return text === '' ? '#empty' : text.replace(UNSAFE, percent)
}
