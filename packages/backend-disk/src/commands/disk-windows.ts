import type { Awaitable, WindowCount, WindowSlice, Windows } from '@cashews/core'
import type { Shards } from '../files/shards.ts'
import { KIND } from '../values/entry.ts'
import { countEvent } from './event-window.ts'
import { keptEnd, ofKind } from './kinds.ts'

/** Windows, each stored in the row of its key. */
export class DiskWindows implements Windows {
  readonly #shards: Shards

  constructor(shards: Shards) {
    this.#shards = shards
  }

  incr(key: string, slice: WindowSlice): Awaitable<WindowCount> {
    return this.#shards.of(key).write((file) => {
      const entry = ofKind(key, file.find(key), KIND.window)
      const { found, bytes } = countEvent(entry?.value as Buffer | undefined, slice, file.now())
      if (found.count === 0) file.delete(key)
      else if (bytes !== undefined) {
        const expiresAt = keptEnd(file, found.added ? undefined : entry, slice.lifetime)
        file.put({ key, kind: KIND.window, expiresAt, ref: null, sum: 0, value: bytes })
      }
      return found
    })
  }
}
