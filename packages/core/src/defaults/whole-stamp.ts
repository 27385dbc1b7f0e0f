import type { Expectation, Stamp } from '../backend.ts'

/** Marks the stamp of a value together with those of the records of its tags. */
const WHOLE = '\u0000whole'

/** What the stamp of a value with tags is made of. */
export type WholeStamp = readonly [own: Stamp, records: readonly Expectation[]]

/** The stamp of a value with tags: what has to hold of it and of the records of its tags. */
export function joinStamps(...parts: WholeStamp): Stamp {
  return WHOLE + JSON.stringify(parts)
}

/** What {@link joinStamps} has joined; `undefined` when it is the stamp of a value without tags. */
export function splitStamp(stamp: Stamp | undefined): WholeStamp | undefined {
  return typeof stamp === 'string' && stamp.startsWith(WHOLE) ? JSON.parse(stamp.slice(WHOLE.length)) : undefined
}
