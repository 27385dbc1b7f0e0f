import { type Content, MISS } from '@cashews/core'

/** What an entry holds when it is more than the value that `get` answers. */
export abstract class Held {
  /** What `get` answers. */
  abstract read(): unknown
  /** About how many bytes it takes. */
  abstract readonly bytes: number
}

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
