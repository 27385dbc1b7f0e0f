import { type Cache, type Flight, isPending, type LockOptions, MISS } from '@cashews/core'
import type { Keeping } from './keeping.ts'
import type { Lifetime } from './lifetime.ts'
import { withLock } from './lock-option.ts'
import { storedError } from './stored-error.ts'
import type { StoredForm } from './stored-form.ts'
import type { TagMaker } from './tag-option.ts'
import type { Run } from './wrap.ts'

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

/** Runs the function, stores its outcome, unless its lease was broken meanwhile, and lands. Answers the result itself. */
export type Load = (flight: Flight) => Promise<unknown>

/**
 * Makes a load. What goes wrong with the storing, in a condition or a ttl function too, is reported, and the caller
 * gets the result all the same. A result that is stale itself is not stored.
 */
export function storing(cache: Cache, { run, lifetime, keeping, tags, form, locking }: Storing): Load {
  const isTimed = keeping.isTimed || form.isTimed
  const store = (flight: Flight, result: unknown, value: unknown, took: number) => {
    const { key, self, args } = flight.call
    const kept = lifetime.of(result, args)
    const packed = form.pack(value, kept, args, took)
    return cache.store(key, packed, kept, flight, tags?.of(result, self, args))
  }
  const load: Load = async (flight) => {
    const { call } = flight
    if (flight.hasFound) await cache.takeLease(flight)
    const started = isTimed ? performance.now() : 0
    let result: unknown
    let failed = false
    try {
      result = await run(call.self, call.args)
    } catch (error) {
      result = error
      failed = true
    }
    try {
      const took = isTimed ? performance.now() - started : 0
      const kept = failed ? keeping.error(result, took) : !flight.stale && keeping.result(result, took, call, flight)
      const stored = kept && store(flight, result, failed ? storedError(result) : result, took)
      if (isPending(stored)) await stored
    } catch (failure) {
      cache.report(failure)
    }
    flight.land()
    if (failed) throw result
    return result
  }
  if (locking === undefined) return load
  return (flight) => {
    const { key } = flight.call
    return withLock(cache, key, locking, async () => {
      const stored = await cache.call<'get'>({ command: 'get', key })
      return stored !== MISS && form.isFresh(stored) ? form.unpack(stored) : load(flight)
    })
  }
}
