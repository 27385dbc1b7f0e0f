import { copyData, type Flight, isOvertaken, sizeOf } from '@cashews/core'

/** One run of a source with several readers, each of which sees every item from the start. */
export interface Recording {
  /** Comes to all items; to nothing when they are too large, or the readers left before the end. */
  readonly ended: Promise<readonly unknown[] | undefined>
  /** The error it ended in. */
  failure?: { readonly error: unknown }
  /** Once it is broken, no reader may join. */
  flight?: Flight
  /** Comes when it is stored, or will not be. */
  stored?: Promise<unknown>
  /** Whether a reader that joins now would see every item. */
  readonly isOpen: boolean
  read(): AsyncGenerator<unknown>
}

/**
 * Records a source. Items are pulled on demand, so that a recording is never ahead of its fastest reader.
 *
 * @param maxItems Beyond this, or beyond `maxBytes`, the recording is given up.
 */
export function newRecording(source: AsyncIterator<unknown>, maxItems: number, maxBytes: number): Recording {
  /** By their places. */
  const items = new Map<number, unknown>()
  const { promise: ended, resolve: end } = Promise.withResolvers<readonly unknown[] | undefined>()
  let count = 0
  let bytes = 0
  let readers = 0
  /** Whether it is too large, or was left before its end: then it is not joined and not stored. */
  let isLost = false
  let pulling: Promise<void> | undefined
  let hasEnded = false

  /**
   * Copies an item, so that neither the source nor a reader can change what is stored. What cannot be copied is kept as
   * it is: the store may know how to store it.
   */
  const apart = (item: unknown) => {
    try {
      return isLost ? item : copyData(item)
    } catch {
      return item
    }
  }
  const finish = () => {
    hasEnded = true
    end(isLost ? undefined : [...items.values()])
  }
  const pull = async () => {
    try {
      const { done, value } = await source.next()
      if (done) return finish()
      bytes += sizeOf(value)
      isLost ||= count >= maxItems || bytes > maxBytes
      items.set(count++, apart(value))
    } catch (error) {
      recording.failure = { error }
      finish()
    } finally {
      pulling = undefined
    }
  }

  const recording: Recording = {
    ended,
    get isOpen() {
      return !(recording.flight && isOvertaken(recording.flight.lease)) && !isLost
    },
    async *read() {
      let at = 0
      let dropped = 0
      readers++
      try {
        while (items.has(at) || !hasEnded) {
          if (items.has(at)) yield apart(items.get(at++))
          else {
            pulling ??= pull() // once for all readers at this position
            await pulling
          }
          // A recording that is lost gets no new readers, so that items which all have read can be dropped.
          while (isLost && readers === 1 && dropped < at) items.delete(dropped++)
        }
        if (recording.failure) throw recording.failure.error
      } finally {
        if (--readers === 0 && !hasEnded) {
          isLost = true
          finish()
          await source.return?.()
        }
      }
    },
  }
  return recording
}
