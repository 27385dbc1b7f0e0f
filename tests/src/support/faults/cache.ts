import { type RedisBackend, type RedisOptions, redis } from '@cashews/backend-redis'
import { type Cache, createCache, type SetupOptions } from '@cashews/core'
import { eventually } from '../redis/eventually.ts'

/** A cache on Redis that counts what it hears. */
export interface WatchedCache extends AsyncDisposable {
  readonly cache: Cache
  readonly backend: RedisBackend
  readonly namespace: string
  readonly heard: { unavailable: number; available: number; readonly errors: unknown[] }
}

/** What is promised: a read waits this long at most, a write that long; and what a machine with two cores adds. */
export const READ = 100
export const WRITE = 250
export const SLACK = 30

export function watchedCache(options: RedisOptions, setup: SetupOptions = {}): WatchedCache {
  const heard = { unavailable: 0, available: 0, errors: [] as unknown[] }
  const { namespace = `fault:${crypto.randomUUID()}:` } = options
  const backend = redis({ ...options, namespace })
  const cache = createCache({ onError: (error) => void heard.errors.push(error) })
  cache.setup(backend, setup)
  cache.on('unavailable', () => void heard.unavailable++)
  cache.on('available', () => void heard.available++)
  return { cache, backend, namespace, heard, [Symbol.asyncDispose]: () => cache.close() }
}

/** Resolves when copies near at hand are used. */
export async function isLive({ backend }: WatchedCache): Promise<void> {
  await eventually(() => backend.clientSide?.live)
}

/** Resolves when a cache with copies near at hand has heard of everything that had changed before. */
export async function hasHeard({ backend }: WatchedCache): Promise<void> {
  const asked = performance.now()
  await eventually(() => {
    const report = backend.clientSide
    return report?.live && performance.now() - report.staleness > asked
  }, 20_000)
}

/** Runs callers side by side until something is over. Answers how many calls there were, and how many failed. */
export async function underLoad(
  callers: number,
  call: (caller: number, round: number) => Promise<unknown>,
  until: Promise<unknown>,
): Promise<{ readonly calls: number; readonly failures: number }> {
  let [isOver, calls, failures] = [false, 0, 0]
  const run = async (caller: number) => {
    for (let round = 0; !isOver; round++) {
      calls++
      await call(caller, round).catch(() => failures++)
      // Answers that are at hand must not keep everything else from happening.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const running = Promise.all(Array.from({ length: callers }, (_, caller) => run(caller)))
  await until.finally(() => {
    isOver = true
  })
  await running
  return { calls, failures }
}
