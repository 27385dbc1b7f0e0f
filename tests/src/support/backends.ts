import { memory } from '@cashews/backend-memory'
import { reference } from '@cashews/conformance'
import type { Backend } from '@cashews/core'
import { vi } from 'vitest'

/** A backend that every behaviour test runs on. */
export interface StoreCase {
  readonly name: string
  create(): Backend
  /** Lets time pass for the store and for the cache. */
  elapse(milliseconds: number): Promise<unknown>
}

/** Stores in this process live on the fake timers of the test. */
const elapse = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds)

/** Redis and disk join here, with a real `elapse`. */
export const stores: readonly StoreCase[] = [
  { name: 'memory', create: () => memory(), elapse },
  { name: 'reference', create: () => reference(), elapse },
]
