import { type Cache, checkThat, type Flight, type Milliseconds, parseTtl, type Ttl } from '@cashews/core'
import type { StoredForm } from './stored-form.ts'

/**
 * A result, when it becomes stale, in milliseconds since the epoch by the clock of the host that stored it, and how long
 * the function took, if that matters: plain data, so that any store carries it. It is kept beyond that moment, until its
 * ttl ends.
 */
export type Dated = readonly [result: unknown, staleAt: number, took: number]

/** Whether this is what {@link datedForm} packs, and not what somebody else left there. */
export function isDated(stored: unknown): stored is Dated {
  return Array.isArray(stored) && stored.length === 3 && typeof stored[1] === 'number'
}

/** Whether a result is there that is not stale yet. */
export function isFresh(stored: unknown): stored is Dated {
  return isDated(stored) && stored[1] > Date.now()
}

/** Answers what is stored for a key, although its tags expired, if that is anything. */
export async function expiredByTag(cache: Cache, key: string): Promise<Dated | undefined> {
  if (!cache.tagging) return undefined
  const stored = await cache.call<'get'>({ command: 'get', key, stale: true })
  return isDated(stored) ? stored : undefined
}

/** Answers what is stored for a key, stale or not. */
export async function peekDated(cache: Cache, key: string): Promise<unknown> {
  const stored = await cache.get(key)
  return isDated(stored) ? stored[0] : undefined
}

/** Answers what is older than its strategy wants, instead of a result that could not be had, or is not waited for. */
export function answerStale<T>(flight: Flight, old: T): T {
  flight.hit = true
  flight.stale = true
  return old
}

/** How long a result is fresh, or what tells it of a call. */
export type FreshFor<A extends readonly unknown[]> = Ttl | ((...args: A) => Ttl)

/** Keeps results with the moment they become stale: without the option, after a third of their ttl. */
export function datedForm(
  name: string,
  freshFor: FreshFor<never> | undefined,
  ttl: Milliseconds | undefined,
  isTimed = false,
): StoredForm {
  const fixed = freshFor === undefined || typeof freshFor === 'function' ? undefined : parseTtl(freshFor)
  checkThat(
    fixed === undefined || ttl === undefined || fixed < ttl,
    `${name} has to be shorter than ttl: ${fixed} ms is not less than ${ttl} ms.`,
  )
  const told = freshFor as ((...args: readonly unknown[]) => Ttl) | undefined
  const spanOf = (lifetime: Milliseconds, args: readonly unknown[]): Milliseconds => {
    // A jitter shortens both: what was stored together is not refreshed together, and nothing ends before that.
    if (fixed !== undefined) return fixed * (lifetime / (ttl as number) || 1)
    return typeof freshFor === 'function' ? parseTtl(told?.(...args) as Ttl) : lifetime / 3
  }
  return {
    isTimed,
    pack: (result, lifetime, args, took): Dated => [result, Date.now() + spanOf(lifetime, args), took],
    unpack: (stored) => (stored as Dated)[0],
    isFresh,
  }
}
