import type { BitReader, Milliseconds, Moment, Spot, TagsAhead } from './backend.ts'
import type { Awaitable } from './basics/awaitable.ts'
import { checkThat } from './basics/options.ts'
import type { Answer, Command, CommandResults, Request, StreamCommand } from './command.ts'
import { NotSupportedError } from './errors.ts'
import type { Flight, LoadCall } from './loads/flight.ts'
import type { Lease } from './loads/lease.ts'
import { Loads, mayJoin } from './loads/loads.ts'
import type { ReadThrough, Seen } from './loads/read-through.ts'
import { awaitRelease, type LockStore, wakeWaiters } from './locks/lock.ts'
import { LockClaim } from './locks/lock-claim.ts'
import type { Route } from './routing/route.ts'
import { type Routes, sendToAll } from './routing/routes.ts'
import { watchedScope } from './scope/scope.ts'
import { checkMayLoad } from './scope/terms.ts'
import type { Tagging } from './tagging.ts'
import type { Detection } from './watching/detect.ts'
import { type CacheEvents, disposable, type Listeners, type Off, type ToldEvents } from './watching/listeners.ts'
import { type RunWatcher, Tallies, type Tally } from './watching/tallies.ts'

/**
 * What strategies and extensions of one cache are built on: reads at hand, loads that callers share, leases, locks, counts
 * of calls, and errors that no caller gets. An app uses the commands of the cache itself.
 */
export class Engine {
  /** Passes an error that no caller gets to `onError`, unless it only says that the cache was closed meanwhile. */
  readonly report: (error: unknown) => void
  readonly #routes: Routes
  readonly #listeners: Listeners
  readonly #tallies = new Tallies()
  readonly #loads = new Loads(this, this.#tallies)
  readonly #templates = new Set<string>()
  readonly #postponed = new Set<() => Promise<void>>()
  #tagging: Tagging | undefined

  constructor(routes: Routes, listeners: Listeners, report: (error: unknown) => void) {
    this.#routes = routes
    this.#listeners = listeners
    this.report = report
  }

  /** Whether commands are a `CacheClosedError`. */
  get isClosed(): boolean {
    return this.#routes.all.every((route) => route.isClosed)
  }

  // Operations

  /** Sends one operation, as data, to the backend of its key. */
  call<C extends Exclude<Command, StreamCommand>>(request: Request<C> & { readonly key: string }): Answer<C> {
    return this.#routes.of(request.key).dispatch<C>(request)
  }

  /** Sends one operation that is not about a single key to every backend. */
  async callAll<C extends Exclude<Command, StreamCommand>>(request: Request<C>): Promise<CommandResults[C][]> {
    return sendToAll<C>(this.#routes.some(), request)
  }

  /** Reads a key as the call `get` does. */
  read(key: string): Answer<'get'> {
    return this.#routes.of(key).read(key)
  }

  /**
   * Reads a key for a call of a function. A value that does not meet the terms of the caller is a miss.
   *
   * @param longest The longest time it is stored for, in milliseconds: its age follows from that.
   * @throws {NotStoredError} On a miss, where the terms allow stored answers only.
   */
  readOnTerms(key: string, longest: Milliseconds | undefined): Awaitable<unknown> {
    return this.#loads.readOnTerms(this.#routes.of(key), key, longest)
  }

  /** Adds to a counter as the call `incr` does. The spot is the store's note of where it found the key. */
  count(spot: Spot, by: number, lifetime: Milliseconds): Answer<'incr'> {
    return this.#routes.of(spot.key).count(spot, by, lifetime)
  }

  // Reads at hand

  /** The value, if it is in this process and nothing on the way has to see the read; `MISS` otherwise. */
  getNow(key: string): unknown {
    return this.#routes.of(key).getNow(key)
  }

  /** A promise of what {@link getNow} finds; `undefined` otherwise. The spot is the store's note of where it found the key. */
  answerNow(spot: Spot): Promise<unknown> | undefined {
    return this.#routes.of(spot.key).answerNow(spot.key, spot)
  }

  /**
   * The current {@link Moment} of the store of a key: until it is over, the key does not change. `undefined` if the store
   * cannot tell, or if anything on the way has to see the reads.
   */
  momentNow(key: string): Moment | undefined {
    return this.#routes.of(key).momentNow(key)
  }

  /** The bits of a key, if they are in this process and nothing on the way has to see the read; `undefined` otherwise. */
  bitsNow(key: string): BitReader | undefined {
    return this.#routes.of(key).bitsNow(key)
  }

  /** Whether the store of a key may answer reads at once, bypassing the middlewares. */
  answersNow(key: string): boolean {
    return this.#routes.of(key).answersNow
  }

  // Loads

  /** Reads a key, and loads it on a miss, once for all concurrent callers. Nobody joins a load that was invalidated. */
  fly<T>(call: LoadCall, through: ReadThrough<T>): Promise<T> {
    return this.#loads.run(this.#routes.of(call.key), call, through)
  }

  /** The result of a load under way, if this caller may simply share it. */
  join<T>(key: string): Promise<T> | undefined {
    return this.#loads.join(key)
  }

  /** Writes the result of a load, unless its lease was broken. */
  store(key: string, value: unknown, lifetime: Milliseconds, lease: Lease, tags?: readonly string[]): Answer<'set'> {
    return this.#routes.of(key).store(key, value, lifetime, lease, this.tagsFor(key, tags))
  }

  /**
   * Takes the store's lease for a load that replaces a value.
   *
   * @throws {NotStoredError} Where the terms of the caller allow stored answers only.
   */
  takeLease({ hasFound, key, lease }: Flight): Awaitable<unknown> {
    if (!hasFound) return undefined
    checkMayLoad(key)
    return this.#routes.of(key).takeLease(lease)
  }

  /** Whether a load that is not stored yet is still valid: as far as the store knows, no process has invalidated its key. */
  holds(flight: Flight): Awaitable<boolean> {
    return this.#routes.of(flight.call.key).holds(flight.lease)
  }

  // Tags

  /** The tags that `createTags` of `@cashews/tags` added; `undefined`: writes may not name tags. */
  get tagging(): Tagging | undefined {
    return this.#tagging
  }

  /** Lets the writes of this cache name tags. */
  useTags(tagging: Tagging): void {
    this.#tagging = tagging
    for (const route of this.#routes.all) route.useTags(tagging)
  }

  /**
   * Makes sure that writes of this cache may name tags.
   *
   * @throws {NotSupportedError} When they may not.
   */
  requireTags(): void {
    if (!this.#tagging) throw new NotSupportedError('Tags need createTags(cache) of @cashews/tags first.')
  }

  /**
   * The tags that a key is written with: those given, and those registered for it.
   *
   * @throws {NotSupportedError} When tags are given, and nobody called `createTags`.
   */
  tagsFor(key: string, given: readonly string[] | undefined): readonly string[] | undefined {
    return this.#taggingFor(given)?.forKey(key, given)
  }

  /** The tags that the result of a load will be written with. */
  tagsAhead(key: string, given: TagsAhead | undefined): TagsAhead | undefined {
    return this.#taggingFor(given)?.ahead(key, given)
  }

  #taggingFor(given: TagsAhead | undefined): Tagging | undefined {
    if (given !== undefined) this.requireTags()
    return this.#tagging
  }

  // Counts and events

  /** Reports to `detect` what a strategy did that does not read by {@link fly}. */
  detected(key: string, seen: () => Seen, outcome: Pick<Detection, 'hit' | 'stale' | 'reason' | 'shared'>): void {
    if (this.#tallies.isWatched && (outcome.hit || outcome.reason))
      this.#tallies.ofSeen(seen())[outcome.shared ? 'shared' : outcome.hit ? 'hits' : 'misses']++
    if (watchedScope()?.detectors)
      this.#loads.detected(key, { ...seen(), backend: this.#routes.of(key).backend.name, ...outcome })
  }

  /**
   * Reports an answer from the store to the load around the call and to `detect`. Returns a promise only inside `detect`.
   *
   * @param longest The longest time it was stored for, in milliseconds: its age follows from that.
   */
  detectedHit(key: string, seen: () => Seen, longest: Milliseconds | undefined): Promise<void> | undefined {
    if (this.#tallies.isWatched) this.#tallies.ofSeen(seen()).hits++
    const { outcome, detectors } = watchedScope() ?? {}
    if (outcome) outcome.hitInside = true
    if (!detectors) return undefined
    return this.#loads.detectedRead(this.#routes.of(key), key, true, seen(), longest)
  }

  /** Reports a read by a command to `detect`. */
  detectedRead(key: string, hit: boolean): Promise<void> {
    return this.#loads.detectedRead(this.#routes.of(key), key, hit)
  }

  /** The counts of each key template. */
  get tallies(): Iterable<Tally> {
    return this.#tallies.all
  }

  /** The counts of one key template. */
  tally(template: string): Tally {
    return this.#tallies.of(template)
  }

  /** The route of each prefix, and how many reads its store answered at once, bypassing the middlewares. */
  get routes(): readonly Pick<Route, 'prefix' | 'backend' | 'middlewares' | 'hitsAtHand'>[] {
    return this.#routes.all
  }

  /** Whether an event has listeners. */
  hears(event: keyof ToldEvents): boolean {
    return this.#listeners.has(event)
  }

  /** Emits an event to its listeners, and to `also`. */
  tell<E extends keyof ToldEvents>(event: E, told: CacheEvents[E], also?: (told: CacheEvents[E]) => unknown): void {
    this.#listeners.emit(event, told, also)
  }

  // Wrapped functions

  /** Makes sure that no two functions of this cache derive the same key template. */
  claimTemplate(template: string): void {
    checkThat(
      !this.#templates.has(template),
      `Two functions of this cache derive the template "${template}": their data would mix. Give one a "name" or a "key".`,
    )
    this.#templates.add(template)
  }

  /** Whether both `get` and `set` are switched off for a key: a strategy then only runs its function. */
  isBypassed(key: string): boolean {
    const route = this.#routes.of(key)
    return route.isDisabled('get') && route.isDisabled('set')
  }

  /** Whether a call may share a run that another call has started. */
  mayShare(key: string): boolean {
    return mayJoin() && !this.isBypassed(key)
  }

  /** Runs a wrapped function with the watchers of {@link watchRuns} around it. */
  run(template: string, run: () => Promise<unknown>): Promise<unknown> {
    return this.#tallies.run(template, run)
  }

  /** Whether {@link run} has anything to do. */
  get watchesRuns(): boolean {
    return this.#tallies.isWatched
  }

  /** Wraps each run of a wrapped function from now on, and makes {@link tallies} complete. */
  watchRuns(watcher: RunWatcher): Off {
    return disposable(this.#tallies.watch(watcher))
  }

  // Locks

  /** Takes and frees the lock of a key. While the store is unreachable, both succeed: a cache must never stop a service. */
  lockStore(key: string): LockStore {
    const { backend } = this.#routes.of(key)
    const claim = new LockClaim()
    const hold = async (token: string, lifetime: Milliseconds, extend: boolean) =>
      this.call<'setLock'>({ command: 'setLock', key, token, lifetime, extend, claim })
    return {
      acquire: (token, lifetime) => hold(token, lifetime, false),
      extend: (token, lifetime) => hold(token, lifetime, true),
      release: (token) => claim.release(() => this.unlock(key, token, claim)),
      released: (atMost, signal) => awaitRelease(backend, key, atMost, signal),
    }
  }

  /** Frees the lock of a key if `token` holds it, and lets those of this process try that wait for it. */
  async unlock(key: string, token: string, claim?: LockClaim): Promise<boolean> {
    const unlocked = await this.call<'unlock'>({ command: 'unlock', key, token, claim })
    if (unlocked) wakeWaiters(this.#routes.of(key).backend, key)
    return unlocked
  }

  // Background tasks

  /**
   * Runs `task` after `delay`, or when `close` is called, if that comes first. Returns a function that runs it at once
   * instead.
   */
  postpone(task: () => Promise<unknown>, delay: Milliseconds): () => Promise<void> {
    const run = async () => {
      clearTimeout(timer)
      this.#postponed.delete(run)
      await task().catch(this.report)
    }
    const timer = setTimeout(run, delay).unref()
    this.#postponed.add(run)
    return run
  }

  /** Runs now what {@link postpone} would run later. */
  async runPostponed(): Promise<void> {
    await Promise.all([...this.#postponed].map((run) => run()))
  }
}
