import { type Content, MISS, type Milliseconds, sizeOf } from '@cashews/core'

/** How many bytes an entry takes besides its key and value. */
const ENTRY_BYTES = 80

/** What the store keeps in an entry if that is not simply the value which `get` answers. */
export abstract class Held {
  /** What `get` answers. */
  abstract read(): unknown
  /** About how many bytes it takes. */
  abstract readonly bytes: number
}

/** The outcome of changing a cell: the caller's answer, whether anything changed, and a new lifetime, if it gets one. */
export type Edited<R> = readonly [answer: R, isChanged: boolean, lifetime?: Milliseconds | undefined]

/** The content of a key that is not a value but a set, bits or a window. For `get`, it is a miss. */
export abstract class Cell extends Held {
  /** Whether it is empty, so that its key must be absent. */
  abstract readonly isEmpty: boolean
  /** The content as data. */
  abstract readonly content: Content

  override read(): unknown {
    return MISS
  }
}

/** About how many bytes an entry takes. */
export function bytesOf(key: string, kept: unknown): number {
  return ENTRY_BYTES + sizeOf(key) + (kept instanceof Held ? kept.bytes : sizeOf(kept))
}
