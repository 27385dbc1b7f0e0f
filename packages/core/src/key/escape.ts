/** What would mean something in a key or a pattern: separators, wildcards, our own marks, and what UTF-8 cannot hold. */
const UNSAFE = /[\p{Cc}\p{Cs}%:*?[\]\\,=(){}]|^#/gu

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
  if (isPlain(text)) return text
  return text === '' ? '#empty' : text.replace(UNSAFE, percent)
}

/** Whether text is made of what most values are made of, `\w`, `.`, `@`, `/`, `+` and `-`: sooner told than {@link UNSAFE}. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const isLetter = (code >= 97 && code <= 122) || (code >= 64 && code <= 90)
    if (!isLetter && !(code >= 45 && code <= 57) && code !== 95 && code !== 43) return false
  }
  return text !== ''
}
