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
  WrongTypeError,
} from '@cashews/core'

/** What a key holds, in the view of a transaction. */
export interface Held {
  /** Content of another kind stands here as `keptAs` keeps it. */
  readonly value: unknown
  /** By the {@link clock}. */
  readonly expiresAt: Milliseconds
  readonly stamp: Stamp
}

/** Measures lifetimes: nobody sets it back. */
export const clock: Clock = { now: () => performance.now() }

/** What a store showed, as of the time it was asked. */
export function heldFrom(found: Snapshot | Miss, asked: Milliseconds): Held | Miss {
  if (found === MISS) return MISS
  const { value, content, timeLeft } = found
  return {
    value: content === undefined ? value : keptAs(content),
    expiresAt: asked + timeLeft,
    // A store may compute it when it is asked for.
    get stamp() {
      return found.stamp
    },
  }
}

/** Copies a value, so that what its owner does to it changes nothing here. */
export function copyOf(value: unknown): unknown {
  return value === MISS ? value : copyData(value)
}

/** The write that makes a key hold this. What has expired meanwhile is deleted. */
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

/** Stores count in whole milliseconds. */
export function lifetimeLeft(held: Held, now: Milliseconds): Milliseconds {
  return Math.max(1, Math.round(held.expiresAt - now))
}

/** @throws {WrongTypeError} When what the key holds is no whole number, or the sum would not be exact. */
export function sumOf(key: string, held: Held | Miss, by: number): number {
  const count = held === MISS ? 0 : held.value
  const sum = Number.isSafeInteger(count) ? (count as number) + by : Number.NaN
  if (!Number.isSafeInteger(sum))
    throw new WrongTypeError(`Key "${key}" holds no whole number that ${by} can be added to.`)
  return sum
}
