import { type Content, MISS, type Milliseconds, sizeOf } from '@cashews/core'

/** What an entry costs beside its key and value. */
const ENTRY_BYTES = 80

/** What an entry holds when it is more than the value that `get` answers. */
export abstract class Held {
  /** What `get` answers. */
  abstract read(): unknown
  /** About how many bytes it takes. */
  abstract readonly bytes: number
}

/**
 * What a change of a cell comes to: what the caller gets, whether anything changed, and a new lifetime (omitted: the key keeps
 * its own).
 */
export type Edited<R> = readonly [answer: R, isChanged: boolean, lifetime?: Milliseconds | undefined]

/** What a key of another kind holds: `get` passes it over. */
export abstract class Cell extends Held {
  /** Whether it holds nothing, so that its key is an absent one. */
  abstract readonly isEmpty: boolean
  /** What it holds, as data. */
  abstract readonly content: Content

  override read(): unknown {
    return MISS
  }
}

/** About how many bytes an entry takes. */
export function bytesOf(key: string, kept: unknown): number {
  return ENTRY_BYTES + sizeOf(key) + (kept instanceof Held ? kept.bytes : sizeOf(kept))
}
