import type { Content } from '@cashews/core'
import type { Cell } from '../values/held.ts'
import { BitArray } from './bit-array.ts'
import { EventWindow } from './event-window.ts'
import { MemberSet } from './member-set.ts'

/** The class that holds each kind of content. */
export interface Cells {
  readonly bits: BitArray
  readonly set: MemberSet
  readonly window: EventWindow
}

export const CELLS: { readonly [K in keyof Cells]: new (items?: readonly never[]) => Cells[K] } = {
  bits: BitArray,
  set: MemberSet,
  window: EventWindow,
}

/** Creates the cell for some content. */
export function cellOf({ kind, items }: Content): Cell {
  return new CELLS[kind](items as readonly never[])
}
