/**
 * The literal prefix of a glob: every key that it matches starts with that, so that a scan of ordered keys can start
 * there.
 */
export function prefixOf(pattern: string): string {
  const special = pattern.search(/[*?[\\]/)
  return special < 0 ? pattern : pattern.slice(0, special)
}
