import {
  type Clock,
  contentOf,
  copyData,
  type KindWrite,
  keptAs,
  MISS,
  type Milliseconds,
  type Miss,
  type Snapshot,
  type Stamp,
  type Write,
} from '@cashews/core'

/** What a key holds, as a transaction sees it. */
export interface Held {
  /** The value; content of another kind (bits, windows, sets) is wrapped by `keptAs`. */
  readonly value: unknown
  /** A time of {@link clock}. */
  readonly expiresAt: Milliseconds
  readonly stamp: Stamp
}

/** A monotonic clock for lifetimes. */
export const clock: Clock = { now: () => performance.now() }

/** Converts a snapshot of a store, taken at the time `asked`. */
export function heldFrom(found: Snapshot | Miss, asked: Milliseconds): Held | Miss {
  if (found === MISS) return MISS
  const { value, content, timeLeft } = found
  return {
    value: content === undefined ? value : keptAs(content),
    expiresAt: asked + timeLeft,
    // A store may compute the stamp on access.
    get stamp() {
      return found.stamp
    },
  }
}

/** Copies a value, so that later changes by its owner have no effect here. */
export function copyOf(value: unknown): unknown {
  return value === MISS ? value : copyData(value)
}

/** The write that makes a key hold this. What has expired meanwhile becomes a deletion. */
export function writeOf(
  key: string,
  held: Held | Miss,
  now: Milliseconds,
  onlyLifetime: boolean,
  tags: readonly string[],
): Write | KindWrite {
  if (held === MISS || held.expiresAt <= now) return { op: 'delete', key }
  const lifetime = lifetimeLeft(held, now)
  if (onlyLifetime) return { op: 'expire', key, lifetime }
  const content = contentOf(held.value)
  return content === undefined
    ? { op: 'set', key, value: held.value, lifetime, ...(tags.length > 0 && { tags }) }
    : { op: 'put', key, content, lifetime }
}

/** The rest of a lifetime, in whole milliseconds, as stores count. */
export function lifetimeLeft(held: Held, now: Milliseconds): Milliseconds {
  return Math.max(1, Math.round(held.expiresAt - now))
}
