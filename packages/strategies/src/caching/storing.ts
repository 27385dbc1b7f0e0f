import { type Cache, type Flight, isPending, type LockOptions, MISS, type Milliseconds } from '@cashews/core'
import type { Run } from '../wrapping/wrap.ts'
import type { Keeping } from './keeping.ts'
import type { Lifetime } from './lifetime.ts'
import { withLock } from './lock-option.ts'
import { storedError } from './stored-error.ts'
import type { StoredForm } from './stored-form.ts'
import type { TagMaker } from './tag-option.ts'

/** What decides how a result is stored. */
export interface Storing {
  readonly run: Run
  readonly lifetime: Lifetime
  readonly keeping: Keeping
  readonly tags: TagMaker | undefined
  readonly form: StoredForm
  /** How processes agree on who loads, if they do. */
  readonly locking: LockOptions | undefined
}

/**
 * Runs the function, stores its outcome, unless its lease was broken meanwhile, and lands. Answers the result itself.
 *
 * @param isNewer Whether what is stored by the time it has the lock spares the run: somebody else may have loaded
 * meanwhile. @default whether it is fresh
 */
export type Load = (flight: Flight, isNewer?: (stored: unknown) => boolean) => Promise<unknown>

/**
 * Makes a load. What goes wrong with the storing, in a condition or a ttl function too, is reported, and the caller
 * gets the result all the same. A result that is stale itself is not stored.
 */
export function storing(cache: Cache, { run, lifetime, keeping, tags, form, locking }: Storing): Load {
  const isTimed = keeping.isTimed || form.isTimed
  // What may have to wait is bound: a closure would cost each load a context, whether it waits or not.
  const store = (flight: Flight, result: unknown, failed: boolean, took: Milliseconds, isKept: boolean) => {
    if (!isKept) return undefined
    const { key, self, args } = flight.call
    const kept = lifetime.of(result, args)
    const packed = form.pack(failed ? storedError(result) : result, kept, args, took)
    return cache.engine.store(key, packed, kept, flight.lease, tags?.of(result, self, args))
  }
  const keep = (flight: Flight, result: unknown, failed: boolean, started: Milliseconds) => {
    const took = isTimed ? performance.now() - started : 0
    const isKept = failed
      ? keeping.error(result, took)
      : !flight.stale && keeping.result(result, took, flight.call, flight)
    return isPending(isKept)
      ? isKept.then(store.bind(undefined, flight, result, failed, took))
      : store(flight, result, failed, took, isKept)
  }
  const land = (flight: Flight, result: unknown, failed: boolean) => {
    flight.land(failed)
    if (failed) throw result
    return result
  }
  const end = (flight: Flight, result: unknown, failed: boolean, started: Milliseconds) => {
    try {
      const stored = keep(flight, result, failed, started)
      if (isPending(stored)) return stored.catch(cache.engine.report).then(land.bind(undefined, flight, result, failed))
    } catch (failure) {
      cache.engine.report(failure)
    }
    return land(flight, result, failed)
  }
  const begin = (flight: Flight): Promise<unknown> => {
    const started = isTimed ? performance.now() : 0
    return flight.begin(run).then(
      (result) => end(flight, result, false, started),
      (error) => end(flight, error, true, started),
    )
  }
  const load: Load = (flight) => {
    const taken = cache.engine.takeLease(flight)
    return isPending(taken) ? taken.then(begin.bind(undefined, flight)) : begin(flight)
  }
  if (locking === undefined) return load
  return (flight, isNewer = form.isFresh) => {
    const { key } = flight.call
    return withLock(cache, key, locking, async () => {
      // Whoever refreshes runs the function whatever is stored.
      const stored = flight.reason === 'refresh' ? MISS : await cache.engine.read(key)
      if (!isNewer(stored)) return load(flight)
      flight.hit = true
      return form.unpack(stored)
    })
  }
}
