import { type Cache, type Lease, MISS, type Outcome } from '@cashews/core'
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
  const store = async ({ key, self, args }: CallOfFunction, lease: Lease, result: unknown, value: unknown) => {
    const kept = lifetime.of(result, args)
    const packed = form.pack(value, kept)
    await cache.call<'set'>({
      command: 'set',
      key,
      value: packed,
      lifetime: kept,
      lease,
      tags: tags?.(result, self, args),
    })
  }
  const storeIf = async (kept: () => boolean, ...what: Parameters<typeof store>): Promise<void> => {
    try {
      if (kept()) await store(...what)
    } catch (failure) {
      cache.report(failure)
    }
  }
  const load: Load = async (call, lease, outcome) => {
    const started = performance.now()
    const took = () => performance.now() - started
    try {
      const result = await run(call.self, call.args)
      await storeIf(() => !outcome.stale && keeping.result(result, took(), call, outcome), call, lease, result, result)
      return result
    } catch (error) {
      await storeIf(() => keeping.error(error, took()), call, lease, error, storedError(error))
      throw error
    }
  }
  const loadLocked: Load = (call, lease, outcome) =>
    withLock(cache, call.key, { lock }, async () => {
      const stored = await cache.call<'get'>({ command: 'get', key: call.key })
      return stored !== MISS && form.isFresh(stored) ? form.unpack(stored) : load(call, lease, outcome)
    })
  return async (call, lease, outcome) => {
    if (tags !== undefined) cache.requireTags()
    return lock ? loadLocked(call, lease, outcome) : load(call, lease, outcome)
  }
}
