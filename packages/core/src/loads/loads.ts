import type { Milliseconds, TagsAhead } from '../backend.ts'
import { type Awaitable, isAtHand } from '../basics/awaitable.ts'
import type { Route } from '../routing/route.ts'
import { tellsStale } from '../scope/outcome.ts'
import { perTransaction } from '../scope/participation.ts'
import { currentScope, inScope, inWatchedScope, type Scope, watchedScope } from '../scope/scope.ts'
import { currentTerms } from '../scope/terms.ts'
import { type Detection, Detector } from '../watching/detect.ts'
import type { Tallies } from '../watching/tallies.ts'
import { readThrough } from './answering.ts'
import { Flight, Flights, type LoadCall } from './flight.ts'
import { agesOf, meetingTerms } from './freshness.ts'
import { Lease } from './lease.ts'
import { isBlind, type ReadThrough, type Seen, type Sharing } from './read-through.ts'

const PLAIN: Seen = { strategy: 'get' }

/** Whether any caller has used a signal yet. Until then, the scope is not searched for one. */
let signals = false

/** What loads need from their cache. */
interface LoadsOwner {
  tagsAhead(key: string, given: TagsAhead | undefined): TagsAhead | undefined
}

/** Reads through the cache: answers what is stored, or loads it, once for all concurrent callers of a key. */
export class Loads {
  readonly #owner: LoadsOwner
  readonly #flights = perTransaction(() => new Flights())
  readonly #tallies: Tallies

  /** @param owner The cache, whose `detect` is told. */
  constructor(owner: LoadsOwner, tallies: Tallies) {
    this.#owner = owner
    this.#tallies = tallies
  }

  /** The result of a running load, for a caller without a signal and outside of any scope. */
  join<T>(key: string): Promise<T> | undefined {
    if (signals || tellsStale() || watchedScope()) return undefined
    const flight = this.#flights().find<T>(key)
    if (flight === undefined || mayBeOvertaken(flight)) return undefined
    flight.tally?.joinedAtHand()
    return flight.wait()
  }

  /**
   * Reads the value, or loads it, once for all concurrent callers. Nobody joins a load that was invalidated.
   *
   * @param isRepeated Whether the caller has already waited for a load that turned out to be invalid. Any load that is running
   * now began after the call.
   */
  run<T>(route: Route, call: LoadCall, through: ReadThrough<T>, isRepeated = false): Promise<T> {
    const { key } = call
    const scope = watchedScope()
    if (call.signal) signals = true
    const around = tellsStale() || signals ? currentScope() : scope
    const signal = signalOf(call, around)
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (scope?.detectors) for (const detector of this.#detectors()) detector.expect(key)
    const joined = mayJoin(through.sharing, scope) ? this.#flights().find<T>(key) : undefined
    if (joined === undefined) return this.#look(route, call, through, around)
    if (mayBeOvertaken(joined) && !isRepeated) return this.#joinLate(route, call, through, joined, signal)
    return this.#share(route, through, joined, signal)
  }

  /** Reads, and loads on a miss. A value that is found synchronously needs no flight, unless somebody observes the call. */
  #look<T>(route: Route, call: LoadCall, through: ReadThrough<T>, around: Scope | undefined): Promise<T> {
    const signal = signalOf(call, around)
    const lease = new Lease(this.#owner.tagsAhead(call.key, through.tags?.(call)))
    const stored = look(route, call, lease, through)
    const isTold = around || signal || through.found || this.#tallies.isWatched
    if (!isTold && isAtHand(stored)) {
      lease.drop()
      return Promise.resolve(stored as T)
    }
    route.take(lease)
    const detector = watchedScope()?.detectors && new Detector(this.#owner)
    const flight = new Flight<T>(call, lease, detector, signal && new AbortController())
    this.#start(route, stored, through, flight)
    const answer = passOn(flight, signal)
    return detector && !through.isTold ? this.#tell(route, through, flight, answer, false) : answer
  }

  /** Waits for a load that another caller has started. */
  #share<T>(route: Route, through: ReadThrough<T>, joined: Flight<T>, signal: AbortSignal | undefined): Promise<T> {
    if (joined.tally) joined.tally.shared++
    const answer = passOn(joined, signal)
    return watchedScope()?.detectors ? this.#tell(route, through, joined, answer, true) : answer
  }

  /**
   * Joins a load that began, or whose read was sent, before this call: another process may have invalidated the key in between.
   * After a load, the store can tell whether that happened; after a read that found a value, nothing can. If the result cannot
   * be trusted, all who waited share a new load, which begins after each of their calls.
   */
  async #joinLate<T>(
    route: Route,
    call: LoadCall,
    through: ReadThrough<T>,
    joined: Flight<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const hasBegun = joined.lease.token !== undefined
    const isLoaded = await joined.wait(signal).then(
      () => true,
      () => false,
    )
    signal?.throwIfAborted()
    if (isLoaded) {
      if (hasBegun) joined.held ??= route.holds(joined.lease)
      const isTrue = hasBegun ? await joined.held : !joined.hit || joined.stale
      if (!isTrue) return this.run(route, call, through, true)
    }
    return this.#share(route, through, joined, signal)
  }

  /**
   * Reads a value. One that does not meet the terms of the caller is a miss.
   *
   * @param longest The longest time it is stored for, in milliseconds: its age follows from that.
   */
  readOnTerms(route: Route, key: string, longest: Milliseconds | undefined): Awaitable<unknown> {
    const stored = route.read(key)
    const terms = currentTerms()
    return terms ? meetingTerms(route, key, stored, longest, terms) : stored
  }

  /** Reports to each `detect` around the current call. */
  detected(key: string, detection: Detection): void {
    for (const detector of this.#detectors()) detector.record(key, detection)
  }

  /** The same for a read that is not a read-through. */
  async detectedRead(
    route: Route,
    key: string,
    hit: boolean,
    seen: Seen = PLAIN,
    longest?: Milliseconds,
  ): Promise<void> {
    const ages = hit ? await agesOf(route, key, longest) : {}
    this.detected(key, { ...seen, backend: route.backend.name, hit, ...ages })
  }

  /** Starts a flight with what the read found: it answers that, or loads. */
  #start<T>(route: Route, stored: unknown, through: ReadThrough<T>, flight: Flight<T>): void {
    const scope = watchedScope()
    const { sharing } = through
    // What one caller has switched off for itself must not be switched off for others.
    const isAlone = sharing === 'alone' || sharing === 'apart' || scope?.disabling || scope?.terms?.onlyStored
    if (!isAlone) flight.joinable = this.#flights()
    const isWatched = flight.detector || flight.controller || tellsStale() || scope?.outcome || through.watchesInside
    flight.promise = isWatched ? watched(route, stored, through, flight) : readThrough(route, stored, through, flight)
    if (this.#tallies.isWatched && !through.isTold) {
      flight.tally = this.#tallies.ofSeen(through.seen())
      flight.tally.follow(flight)
    }
    landAtEnd(flight, through)
  }

  async #tell<T>(
    route: Route,
    { seen, longest }: ReadThrough<T>,
    flight: Flight<T>,
    answer: Promise<T>,
    shared: boolean,
  ): Promise<T> {
    try {
      return await answer
    } finally {
      const { key, hit, stale, detector: inside } = flight
      const reason = hit ? undefined : flight.reason
      const told = { ...seen(), backend: route.backend.name, hit, stale, reason, shared: shared || undefined }
      flight.ages ??= agesOf(route, key, longest)
      const { age, left } = await flight.ages
      for (const detector of this.#detectors()) {
        inside?.replay(detector)
        detector.record(key, { ...told, age: hit ? age : undefined, left })
      }
    }
  }

  #detectors(): readonly Detector[] {
    return watchedScope()?.detectors?.filter(({ owner }) => owner === this.#owner) ?? []
  }
}

/** Whether other processes may have invalidated what a flight has read. */
function mayBeOvertaken({ lease, isUnderWay }: Flight<never> | Flight): boolean {
  return lease.token !== undefined || isUnderWay
}

/** Lands a flight when its promise settles, unless it has landed already or its load does so. */
function landAtEnd<T>(flight: Flight<T>, { lands }: ReadThrough<T>): void {
  if (!flight.hasLanded && !(lands && flight.reason !== undefined)) flight.landAtEnd()
}

/** Runs a function without the cache for callers that may leave. Its {@link loadSignal} aborts when the last one has left. */
export function launch<T>(call: LoadCall, run: () => Promise<T>): Flight<T> {
  const controller = call.signal && new AbortController()
  const flight = new Flight<T>(call, new Lease(), undefined, controller)
  if (controller) signals = true
  flight.promise = controller ? inScope({ signal: controller.signal }, run) : run()
  return flight
}

/** The signal of the load around the current call: it aborts when the last of the load's callers has left. */
export function loadSignal(): AbortSignal | undefined {
  return currentScope()?.signal
}

/** The signal that ends a call early: its own, or that of the load around it. */
function signalOf(call: LoadCall, around: Scope | undefined): AbortSignal | undefined {
  return call.signal ?? around?.signal
}

/** Whether a call may share the load of another: not if its scope has demands that the other load may not meet. */
export function mayJoin(sharing: Sharing = 'join', scope: Scope | undefined = watchedScope()): boolean {
  return (
    (sharing === 'join' || sharing === 'renew') &&
    !scope?.invalidating &&
    !scope?.disabling &&
    scope?.terms === undefined
  )
}

/** Runs a load in a scope with its outcome, its detector and its signal. */
function watched<T>(route: Route, stored: unknown, through: ReadThrough<T>, flight: Flight<T>): Promise<T> {
  const { detector, controller } = flight
  const inside: Scope = { outcome: flight, signal: controller?.signal, ...(detector && { detectors: [detector] }) }
  const load = () => readThrough(route, stored, through, flight)
  return through.watchesInside ? inWatchedScope(inside, load) : inScope(inside, load)
}

/** Reads for a load. Never throws. */
function look(route: Route, call: LoadCall, lease: Lease, through: Pick<ReadThrough<unknown>, 'sharing'>): unknown {
  try {
    return route.look(call, lease, isBlind(through))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Waits for a load, and passes its outcome on to the load around it, which must not store a stale result as a fresh one. */
function passOn<T>(flight: Flight<T>, signal: AbortSignal | undefined): Promise<T> {
  const answer = flight.wait(signal)
  const { outcome } = (tellsStale() ? currentScope() : watchedScope()) ?? {}
  if (!outcome) return answer
  return answer.then((result) => {
    if (flight.stale) outcome.stale = true
    if (flight.hit || flight.hitInside) outcome.hitInside = true
    return result
  })
}
