import { MISS } from '../backend.ts'
import { type Awaitable, isPending } from '../basics/awaitable.ts'
import type { Route } from '../routing/route.ts'
import { watchedScope } from '../scope/scope.ts'
import type { Terms } from '../scope/terms.ts'
import type { Flight } from './flight.ts'
import { meetingTerms } from './freshness.ts'
import { UNPROVEN } from './lease.ts'
import { isBlind, type ReadThrough } from './read-through.ts'

/**
 * Carries a flight out: answers what its read found, or loads. Never throws, and does not wait for a value at hand.
 *
 * @param stored What the read found, or will find.
 */
export function readThrough<T>(route: Route, stored: unknown, through: ReadThrough<T>, flight: Flight<T>): Promise<T> {
  flight.open()
  try {
    return isPending(stored)
      ? answerLater(route, stored, through, flight)
      : Promise.resolve(answer(route, stored, through, flight))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** A function of its own, so that {@link readThrough} allocates no closures when there is nothing to wait for. */
function answerLater<T>(
  route: Route,
  stored: Promise<unknown>,
  through: ReadThrough<T>,
  flight: Flight<T>,
): Promise<T> {
  const { lease } = flight
  if (lease.isAsked)
    queueMicrotask(() => {
      flight.isUnderWay = lease.isAsked
    })
  return stored.then((found) => answer(route, found, through, flight))
}

/** Decides between what the read found and a load. */
function answer<T>(route: Route, stored: unknown, through: ReadThrough<T>, flight: Flight<T>): Awaitable<T> {
  const scope = watchedScope()
  const { lease } = flight
  const leaseOnly = isBlind(through)
  const isMiss = stored === MISS || leaseOnly
  flight.hasFound = !isMiss
  if (isMiss && lease.isAsked) lease.token = UNPROVEN
  if (scope?.terms) return answerOnTerms(route, isMiss ? MISS : stored, through, flight, scope.terms)
  if (!isMiss) return use(stored, through, flight)
  flight.reason = leaseOnly ? 'refresh' : scope?.invalidating ? 'invalidated' : 'miss'
  return through.load(flight)
}

/** Answers what is stored. */
function use<T>(stored: unknown, { found }: ReadThrough<T>, flight: Flight<T>): Awaitable<T> {
  flight.hit = true
  if (found) return found(stored, flight)
  flight.land()
  return stored as T
}

/** Answers what is stored if it meets the terms of the caller, or loads. */
async function answerOnTerms<T>(
  route: Route,
  stored: unknown,
  through: ReadThrough<T>,
  flight: Flight<T>,
  terms: Terms,
): Promise<T> {
  const found = await meetingTerms(route, flight.key, stored, through.longest, terms)
  if (found !== MISS) return use(found, through, flight)
  flight.reason = stored === MISS ? 'miss' : 'refresh'
  return through.load(flight)
}
