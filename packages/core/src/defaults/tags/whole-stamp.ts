import type { Expectation, Stamp } from '../../backend.ts'

/** Marks a stamp that joins the stamps of a value and of its tag records. */
const WHOLE = '\u0000whole'

/** The parts of the stamp of a value with tags. */
export type WholeStamp = readonly [own: Stamp, records: readonly Expectation[]]

/** Joins the stamp of a value with the expectations on its tag records. */
export function joinStamps(...parts: WholeStamp): Stamp {
  return WHOLE + JSON.stringify(parts)
}

/** Splits what {@link joinStamps} joined; `undefined` for the stamp of a value without tags. */
export function splitStamp(stamp: Stamp | undefined): WholeStamp | undefined {
  return typeof stamp === 'string' && stamp.startsWith(WHOLE) ? JSON.parse(stamp.slice(WHOLE.length)) : undefined
}
