import { type Cache, checkThat, type Flight, type Milliseconds, parseTtl, type Ttl } from '@cashews/core'
import type { StoredForm } from './stored-form.ts'

/**
 * A result, when it becomes stale (in milliseconds since the epoch, by the clock of the host that stored it), and how
 * long the function took, if that matters. Plain data, so that any store can hold it; it is kept until its ttl ends.
 */
export type Dated = readonly [result: unknown, staleAt: number, took: number]

/** Whether a stored value was written by {@link datedForm}. */
export function isDated(stored: unknown): stored is Dated {
  return Array.isArray(stored) && stored.length === 3 && typeof stored[1] === 'number'
}

/** Whether there is a result that is not stale. */
export function isFresh(stored: unknown): stored is Dated {
  return isDated(stored) && stored[1] > Date.now()
}

/**
 * Reads what is stored for the key of a load, even if its tags have expired. A failure is reported: the caller has an error of
 * its own.
 *
 * @param found What the load has found: the answer if the store cannot be asked any more, unless it was invalidated here.
 */
export async function readOld(cache: Cache, { call, lease }: Flight, found?: unknown): Promise<Dated | undefined> {
  let stored = lease.broken ? undefined : found
  try {
    stored = await cache.engine.call<'get'>({ command: 'get', key: call.key, stale: true, neutral: stored })
  } catch (error) {
    cache.engine.report(error)
  }
  return isDated(stored) ? stored : undefined
}

/** Reads what is stored for a key, stale or not. */
export async function peekDated(cache: Cache, key: string): Promise<unknown> {
  const stored = await cache.get(key)
  return isDated(stored) ? stored[0] : undefined
}

/** Answers with a stale result, because a fresh one is unavailable or not waited for. */
export function answerStale<T>(flight: Flight, old: T): T {
  flight.hit = true
  flight.stale = true
  return old
}

/** How long a result is fresh: a ttl, or a function of the call. */
export type FreshFor<A extends readonly unknown[]> = Ttl | ((...args: A) => Ttl)

/** Stores results with the moment they become stale: by default after a third of their ttl. */
export function datedForm(
  name: string,
  freshFor: FreshFor<never> | undefined,
  ttl: Milliseconds | undefined,
  isTimed = false,
): StoredForm {
  const fixed = freshFor === undefined || typeof freshFor === 'function' ? undefined : parseTtl(freshFor, name)
  checkThat(
    fixed === undefined || ttl === undefined || fixed < ttl,
    `${name} has to be shorter than ttl: ${fixed} ms is not less than ${ttl} ms.`,
  )
  const told = freshFor as ((...args: readonly unknown[]) => Ttl) | undefined
  const spanOf = (lifetime: Milliseconds, args: readonly unknown[]): Milliseconds => {
    // Jitter shortens both in proportion, so that neither refreshes nor expiries coincide.
    if (fixed !== undefined) return fixed * (lifetime / (ttl as number) || 1)
    return typeof freshFor === 'function' ? parseTtl(told?.(...args) as Ttl, name) : lifetime / 3
  }
  return {
    isTimed,
    pack: (result, lifetime, args, took): Dated => [result, Date.now() + spanOf(lifetime, args), took],
    unpack: (stored) => (stored as Dated)[0],
    isFresh,
  }
}
