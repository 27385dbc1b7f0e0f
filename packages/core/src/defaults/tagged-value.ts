/** A tag, and what its record held when a value was put under it. */
export type TagStamp = readonly [tag: string, stamp: string]

const BESIDE = '\u0000tags'
/** Of records that another store keeps: the store of the value may have tags of its own. */
const ELSEWHERE = '\u0000tags elsewhere'

/** A value beside the stamps its tags had, as plain data, so that any codec carries it. */
export interface Tagged {
  readonly value: unknown
}

/** Puts a value beside the stamps of its tags. */
export function tagged(stamps: readonly TagStamp[], value: unknown, elsewhere = false): Tagged {
  const found = elsewhere ? { [ELSEWHERE]: stamps, value } : { [BESIDE]: stamps, value }
  return found
}

/** The stamps a value stands beside; `undefined` when it is no {@link Tagged}. */
export function stampsBeside(found: unknown, elsewhere = false): readonly TagStamp[] | undefined {
  const mark = elsewhere ? ELSEWHERE : BESIDE
  if (typeof found !== 'object' || found === null || !Object.hasOwn(found, mark)) return undefined
  return (found as Record<string, readonly TagStamp[]>)[mark]
}
