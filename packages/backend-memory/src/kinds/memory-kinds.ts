import { type Bits, type Sets, type Windows, WrongTypeError } from '@cashews/core'
import type { LiveEntries } from '../entries/live-entries.ts'
import type { Edited } from '../values/held.ts'
import { BitArray } from './bit-array.ts'
import { CELLS, type Cells } from './cells.ts'

/** The groups of commands on keys of other kinds. */
interface Kinds {
  readonly bits: Bits
  readonly windows: Windows
  readonly sets: Sets
}

/** Makes bits, windows and sets, each of which is kept in the entry of its key. */
export function kindsIn(entries: LiveEntries): Kinds {
  /** The cell of a key; a new one if the key is absent. */
  const cellOf = <K extends keyof Cells>(key: string, pointer: number | undefined, kind: K): Cells[K] => {
    if (pointer === undefined) {
      entries.givesAll = false
      return new CELLS[kind]()
    }
    const held = entries.all.V[pointer]
    if (!(held instanceof CELLS[kind])) throw new WrongTypeError(`Key "${key}" holds no ${kind}.`)
    entries.all.use(pointer)
    return held
  }

  /** Changes the cell of a key. */
  const edit = <K extends keyof Cells, R>(key: string, kind: K, change: (cell: Cells[K]) => Edited<R>): R => {
    const pointer = entries.find(key)
    const cell = cellOf(key, pointer, kind)
    const [answer, isChanged, lifetime] = change(cell)
    if (isChanged && cell.isEmpty) entries.delete(key)
    else if (isChanged) entries.mustWrite(key, pointer, cell, lifetime)
    return answer
  }

  return {
    bits: {
      get: (key, indexes, size) => cellOf(key, entries.find(key), 'bits').fields(indexes, size),
      now: (key) => {
        const pointer = entries.find(key)
        const held = pointer === undefined ? undefined : entries.all.V[pointer]
        if (!(held instanceof BitArray)) return undefined
        entries.all.use(pointer as number)
        return held
      },
      incr: (key, indexes, size, by) => edit(key, 'bits', (bits) => [bits.add(indexes, size, by), indexes.length > 0]),
    },
    windows: {
      incr: (key, slice) =>
        edit(key, 'window', (window) => window.admit(slice, 'end' in slice ? slice.end : entries.clock.precise())),
    },
    sets: {
      add: (key, members, lifetime) =>
        edit(key, 'set', (set) => {
          const count = members.filter((member) => set.add(member)).length
          return [count, count > 0 || lifetime !== undefined, lifetime]
        }),
      remove: (key, members) =>
        edit(key, 'set', (set) => {
          const removed = members.filter((member) => set.remove(member)).length
          return [removed, removed > 0]
        }),
      pop: (key, count) =>
        edit(key, 'set', (set) => {
          const popped = set.pop(count)
          return [popped, popped.length > 0]
        }),
    },
  }
}
