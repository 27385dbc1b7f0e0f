import { type Cache, isPending, type Lease, MISS, type Outcome } from '@cashews/core'
import type { Keeping } from './keeping.ts'
import type { Lifetime } from './lifetime.ts'
import { type LockOption, withLock } from './lock-option.ts'
import { storedError } from './stored-error.ts'
import type { StoredForm } from './stored-form.ts'
import type { MakeTags } from './tag-option.ts'
import type { Run } from './wrap.ts'

/** What decides how a result is stored. */
export interface Storing extends LockOption {
  readonly run: Run
  readonly lifetime: Lifetime
  readonly keeping: Keeping
  readonly tags: MakeTags | undefined
  readonly form: StoredForm
}

/** One call of a wrapped function. */
export interface CallOfFunction {
  readonly key: string
  readonly self: unknown
  readonly args: readonly unknown[]
}

/** Runs the function and stores its outcome, unless its lease was broken meanwhile. Answers the result itself. */
export type Load = (call: CallOfFunction, lease: Lease, outcome: Outcome) => Promise<unknown>

/**
 * Makes a load. What goes wrong with the storing, in a condition or a ttl function too, is reported, and the caller
 * gets the result all the same. A result that is stale itself is not stored.
 */
export function storing(cache: Cache, { run, lifetime, keeping, tags, form, lock }: Storing): Load {
  const isTimed = keeping.isTimed || form.isTimed
  const store = ({ key, self, args }: CallOfFunction, lease: Lease, result: unknown, value: unknown, took: number) => {
    const kept = lifetime.of(result, args)
    const packed = form.pack(value, kept, args, took)
    return cache.store(key, packed, kept, lease, tags?.(result, self, args))
  }
  const load: Load = async (call, lease, outcome) => {
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
      const kept = failed ? keeping.error(result, took) : !outcome.stale && keeping.result(result, took, call, outcome)
      const stored = kept && store(call, lease, result, failed ? storedError(result) : result, took)
      if (isPending(stored)) await stored
    } catch (failure) {
      cache.report(failure)
    }
    if (failed) throw result
    return result
  }
  const loadLocked: Load = (call, lease, outcome) =>
    withLock(cache, call.key, { lock }, async () => {
      const stored = await cache.call<'get'>({ command: 'get', key: call.key })
      return stored !== MISS && form.isFresh(stored) ? form.unpack(stored) : load(call, lease, outcome)
    })
  const start = lock ? loadLocked : load
  if (tags === undefined) return start
  return async (...given) => {
    cache.requireTags()
    return start(...given)
  }
}
