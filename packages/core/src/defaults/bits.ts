import type { BackendBase, Bits } from '../backend.ts'
import { chain } from '../basics/awaitable.ts'
import { editItems, itemsOf } from './kind.ts'

/** Makes {@link Bits} for a store of values only. */
export function defaultBits(store: BackendBase): Bits {
  return {
    get: (key, indexes, size) =>
      chain(itemsOf<number>(store, 'bits', key), (bytes) => indexes.map((index) => readField(bytes, index, size))),
    incr: (key, indexes, size, by) =>
      editItems<number, number[]>(store, 'bits', key, (items) => {
        const bytes = [...items]
        return [indexes.map((index) => addToField(bytes, index, size, by)), bytes]
      }),
  }
}

/** Reads a field from bytes, the highest bit first. Missing bytes are 0. */
function readField(bytes: ArrayLike<number>, index: number, size: number): number {
  let field = 0
  for (let bit = index * size; bit < (index + 1) * size; bit++) {
    field = field * 2 + (((bytes[Math.floor(bit / 8)] ?? 0) >> (7 - (bit % 8))) & 1)
  }
  return field
}

/** Adds to a field, within 0 and its maximum, and returns its new value. The bytes grow as needed. */
function addToField(bytes: number[], index: number, size: number, by: number): number {
  const field = Math.min(Math.max(readField(bytes, index, size) + by, 0), 2 ** size - 1)
  let rest = field
  for (let bit = (index + 1) * size - 1; bit >= index * size; bit--) {
    const at = Math.floor(bit / 8)
    const mask = 128 >> (bit % 8)
    while (bytes.length <= at) bytes.push(0)
    bytes[at] = rest % 2 ? (bytes[at] as number) | mask : (bytes[at] as number) & ~mask
    rest = Math.floor(rest / 2)
  }
  return field
}
