import { disk } from '@cashews/backend-disk'
import { memory } from '@cashews/backend-memory'
import { reference } from '@cashews/conformance'
import type { Backend } from '@cashews/core'
import { inject, vi } from 'vitest'
import { freshDirectory } from './disk/fresh-directory.ts'
import { patient } from './helpers.ts'
import { redisPairs, redisStores } from './redis/stores.ts'

/** A backend that every behaviour test runs on. */
export interface StoreCase {
  readonly name: string
  create(): Backend
  /** Lets time pass for the store and for the cache. */
  elapse(milliseconds: number): Promise<unknown>
  /** Whether it lives in this process: then it notices by itself that a key has expired, and answers at once. */
  readonly isInProcess: boolean
}

/** Lets time pass for stores in this process, which use the fake timers of the test. */
export const elapse = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds)

const onDisk = (shards: number): Backend => patient(disk({ directory: freshDirectory(), shards }))

const inProcess: readonly StoreCase[] = [
  { name: 'memory', create: () => memory(), elapse, isInProcess: true },
  { name: 'reference', create: () => reference(), elapse, isInProcess: true },
  { name: 'disk, 1 shard', create: () => onDisk(1), elapse, isInProcess: true },
  { name: 'disk, 8 shards', create: () => onDisk(8), elapse, isInProcess: true },
]

/** The stores to test: those in this process in the project `unit`, Redis in the project `redis`. */
export const stores: readonly StoreCase[] = inject('redis') === undefined ? inProcess : redisStores

/** The name of a store, without the settings it is tested with. */
export function ownName(name: string): string {
  return name.split(',', 1)[0] as string
}

/** Two backends on one store, as in two processes: they share nothing but what is stored. */
export interface PairCase {
  readonly name: string
  create(): readonly [Backend, Backend]
}

const onOneDirectory = (): readonly [Backend, Backend] => {
  const directory = freshDirectory()
  return [disk({ directory, shards: 1 }), disk({ directory, shards: 1 })]
}

/** The same as {@link stores} for stores that processes share. */
export const pairs: readonly PairCase[] =
  inject('redis') === undefined ? [{ name: 'disk', create: onOneDirectory }] : redisPairs
