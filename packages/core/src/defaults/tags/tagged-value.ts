/** A tag, and the content of its record when a value was written with it. */
export type TagStamp = readonly [tag: string, stamp: string]

const BESIDE = '\u0000tags'
/** Marks values whose tag records are in another store: the store of the value may have tags of its own. */
const ELSEWHERE = '\u0000tags elsewhere'

/** A value with the stamps of its tags, as plain data, so that any codec can encode it. */
export interface Tagged {
  /** The value alone. */
  readonly value: unknown
}

/** Combines a value with the stamps of its tags. */
export function tagged(stamps: readonly TagStamp[], value: unknown, elsewhere = false): Tagged {
  const found = elsewhere ? { [ELSEWHERE]: stamps, value } : { [BESIDE]: stamps, value }
  return found
}

/** The stamps that a value was combined with; `undefined` when it is not {@link Tagged}. */
export function stampsBeside(found: unknown, elsewhere = false): readonly TagStamp[] | undefined {
  const mark = elsewhere ? ELSEWHERE : BESIDE
  if (typeof found !== 'object' || found === null || !Object.hasOwn(found, mark)) return undefined
  return (found as Record<string, readonly TagStamp[]>)[mark]
}
