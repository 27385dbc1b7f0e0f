import { type RedisBackend, type RedisOptions, redis } from '@cashews/backend-redis'
import { type Cache, createCache, type SetupOptions } from '@cashews/core'
import { eventually } from '../redis/eventually.ts'

/** A cache on Redis that counts its events. */
export interface WatchedCache extends AsyncDisposable {
  readonly cache: Cache
  readonly backend: RedisBackend
  readonly namespace: string
  readonly heard: { unavailable: number; available: number; readonly errors: unknown[] }
}

/** The promised budgets of reads and writes, and what a machine with two cores adds to them. */
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

/** Resolves when client-side copies are used. */
export async function isLive({ backend }: WatchedCache): Promise<void> {
  await eventually(() => backend.clientSide?.live)
}

/** Resolves when a cache with client-side copies has received all invalidations up to now. */
export async function hasHeard({ backend }: WatchedCache): Promise<void> {
  const asked = performance.now()
  await eventually(() => {
    const report = backend.clientSide
    return report?.live && performance.now() - report.staleness > asked
  }, 20_000)
}

/** Runs concurrent callers until something is over. Returns the number of calls and of failed calls. */
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
      // Synchronous answers must not starve the event loop.
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
