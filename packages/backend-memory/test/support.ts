import { type MemoryBackend, type MemoryOptions, memory } from '@cashews/backend-memory'
import type { BackendHost, Clock, RemovalReason } from '@cashews/core'

/** A memory store under test. */
export interface Opened {
  readonly store: MemoryBackend
  /** Moved by hand. */
  readonly clock: Clock & { time: number }
  readonly removed: [key: string, reason: RemovalReason][]
  readonly host: BackendHost
}

export function opened(options: MemoryOptions = {}): Opened {
  const removed: [key: string, reason: RemovalReason][] = []
  const clock = { time: 1_000_000, now: () => clock.time }
  const store = memory({ clock, ...options })
  const host: BackendHost = {
    removed: (key, reason) => void removed.push([key, reason]),
    error: (error) => {
      throw error
    },
  }
  store.open(host)
  return { store, clock, removed, host }
}

export function keysOf(count: number, word = 'key'): string[] {
  return Array.from({ length: count }, (_, at) => `${word}:${at}`)
}

/** Whole numbers below a bound, the same in every run. */
export function randomNumbers(seed: number): (below: number) => number {
  let last = seed
  return (below) => {
    last = (last * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((last / 2 ** 31) * below) // the low bits of such a sequence repeat soon
  }
}
