import type { Cache, Lease } from '@cashews/core'
import type { Keeping } from './keeping.ts'
import type { Lifetime } from './lifetime.ts'
import { storedError } from './stored-error.ts'
import type { MakeTags } from './tag-option.ts'
import type { Run } from './wrap.ts'

/** What decides how a result is stored. */
export interface Storing {
  readonly run: Run
  readonly lifetime: Lifetime
  readonly keeping: Keeping
  readonly tags: MakeTags | undefined
}

/** Runs the function and stores its outcome, unless its lease was broken meanwhile. */
export type Load = (key: string, lease: Lease, self: unknown, args: readonly unknown[]) => Promise<unknown>

/**
 * Makes a load. What goes wrong with the storing, in a condition or a ttl function too, is reported, and the caller
 * gets the result all the same.
 */
export function storing(cache: Cache, { run, lifetime, keeping, tags }: Storing): Load {
  const store = async (key: string, lease: Lease, value: unknown, self: unknown, args: readonly unknown[]) => {
    const made = tags === undefined ? {} : { tags: tags(value, self, args) }
    await cache.call<'set'>({ command: 'set', key, value, lifetime: lifetime.of(value, args), lease, ...made })
  }
  return async (key, lease, self, args) => {
    if (tags !== undefined) cache.requireTags()
    const started = performance.now()
    let result: unknown
    try {
      result = await run(self, args)
    } catch (error) {
      try {
        if (keeping.error(error, performance.now() - started)) await store(key, lease, storedError(error), self, args)
      } catch (failure) {
        cache.report(failure)
      }
      throw error
    }
    try {
      if (keeping.result(result, performance.now() - started, { args, key }))
        await store(key, lease, result, self, args)
    } catch (failure) {
      cache.report(failure)
    }
    return result
  }
}
