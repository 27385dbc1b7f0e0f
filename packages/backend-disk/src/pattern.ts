/** The text that every key starts with which a glob matches: keys in order are then looked up from there. */
export function prefixOf(pattern: string): string {
  const special = pattern.search(/[*?[\\]/)
  return special < 0 ? pattern : pattern.slice(0, special)
}
