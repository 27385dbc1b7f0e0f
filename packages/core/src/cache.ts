import { type Awaitable, recover } from './awaitable.ts'
import {
  type Backend,
  type BitReader,
  MISS,
  type Milliseconds,
  type Moment,
  type Spot,
  type TagsAhead,
} from './backend.ts'
import { checkBitFields } from './bit-fields.ts'
import type { Answer, Command, CommandResults, Request, StreamCommand } from './command.ts'
import { COMMANDS } from './commands.ts'
import { commandSet } from './control.ts'
import { type Detected, type Detection, type Detections, Detector } from './detect.ts'
import { checkDrivers, type Driver } from './driver.ts'
import { CacheClosedError, NotSupportedError } from './errors.ts'
import type { Flight, LoadCall } from './flight.ts'
import type { Lease } from './lease.ts'
import { type CacheEvents, disposable, Listeners, type Off, type ToldEvents } from './listeners.ts'
import { Loads, mayJoin } from './loads.ts'
import {
  acquireLock,
  awaitRelease,
  awaitUnlocked,
  type Lock,
  type LockOptions,
  type LockStore,
  lost,
  wakeWaiters,
} from './lock.ts'
import { LockClaim } from './lock-claim.ts'
import { checkMiddlewares, type Middleware } from './middleware.ts'
import { checkKnown, checkThat, checkType, isOptions } from './options.ts'
import { outsideTransaction } from './participation.ts'
import type { ReadThrough, Seen } from './read-through.ts'
import { Route } from './route.ts'
import { Routes } from './routes.ts'
import { currentScope, inWatchedScope, watchedScope } from './scope.ts'
import { resolveSetup, type SetupOptions, type UrlSetupOptions } from './setup.ts'
import type { Tagging } from './tagging.ts'
import { type RunWatcher, Tallies, type Tally } from './tallies.ts'
import { checkMayLoad } from './terms.ts'
import { parseTtl, type Ttl } from './ttl.ts'
import {
  checkArgument,
  checkArray,
  checkCallable,
  checkCounted,
  checkedOptions,
  checkMembers,
  checkString,
  checkWhole,
  type Entries,
  lifetimeOf,
  pairsOf,
  type SetOptions,
  type WriteOptions,
} from './write-options.ts'

/** Settings of {@link createCache}. */
export interface CacheOptions {
  /** Names the cache in messages. @default 'cache' */
  readonly name?: string | undefined
  /** The backend factories that a settings URL may name. */
  readonly drivers?: readonly Driver[] | undefined
  /** Called with every error that no caller gets. @default logs a warning, one line each */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Settings of {@link Cache.scan} and {@link Cache.getMatch}. */
export interface ScanOptions {
  /** How many keys to ask of the store at a time. @default 100 */
  readonly batchSize?: number | undefined
}

/** Narrows {@link Cache.disable} and its like to the backend of one prefix. */
export interface ControlOptions {
  /** The prefix that the backend was set up with. */
  readonly prefix: string
}

/**
 * One door to any number of backends, each set up for the keys with its prefix.
 *
 * Store errors do not reach the caller: a read is then a miss and a write answers `false`, unless the backend was set
 * up with `suppress: false`.
 */
export class Cache implements AsyncDisposable {
  /** Names the cache in messages. @default 'cache' */
  readonly name: string
  readonly #drivers: readonly Driver[]
  readonly #onError: (error: unknown) => void
  readonly #routes: Routes
  readonly #tallies = new Tallies()
  readonly #loads = new Loads(this, this.#tallies)
  readonly #listeners: Listeners
  readonly #middlewares: Middleware[] = []
  readonly #templates = new Set<string>()
  readonly #postponed = new Set<() => Promise<void>>()
  #tagging: Tagging | undefined

  /** @throws {ConfigurationError} On an option that is not one of {@link CacheOptions}. */
  constructor(options: CacheOptions = {}) {
    checkKnown('createCache', options, ['name', 'drivers', 'onError'])
    const { name = 'cache', drivers = [], onError } = options
    checkDrivers(drivers)
    checkType('string', { name })
    checkType('function', { onError })
    this.name = name
    this.#drivers = drivers
    this.#onError = onError ?? ((error) => console.warn(`[cashews] ${name}:`, error))
    this.#routes = new Routes(name)
    this.#listeners = new Listeners(this.report, () => {
      for (const route of this.#routes.all) route.settle()
    })
  }

  // Wiring

  /**
   * Sets a backend up for the keys that start with `prefix`. Another one set up for the same prefix before is closed, and
   * commands still on the way to it are answered as if it were away.
   *
   * @param target A settings URL, as text or a `URL`, or a backend.
   * @throws {ConfigurationError} On an unknown scheme or option.
   */
  setup(url: string | URL, options?: UrlSetupOptions): this
  /** Likewise, by a settings URL or a backend. */
  setup(target: string | URL | Backend, options?: SetupOptions): this
  setup(target: string | URL | Backend, options: UrlSetupOptions = {}): this {
    const route = new Route(resolveSetup(target, options, this.#drivers), {
      cache: this,
      listeners: this.#listeners,
      report: this.report,
    })
    const before = this.#routes.add(route)
    for (const middleware of options.middlewares ?? []) middleware.join?.(this)
    // Some keys take the new route from now on: loads and moments of the old one must not outlive that.
    for (const each of [before, route]) each?.share(this.#middlewares)
    if (this.#tagging) route.useTags(this.#tagging)
    if (before?.prefix === route.prefix) route.replace(before).catch(this.report)
    return this
  }

  /** Connects every backend. Without it, the first command does. After {@link close} it opens the cache again. */
  async init(): Promise<void> {
    await Promise.all(this.#routes.some().map((route) => route.init()))
  }

  /** Whether every backend is connected. */
  get isInit(): boolean {
    return this.#routes.all.every((route) => route.isOpen)
  }

  /** Whether at least one backend is set up. */
  get isSetup(): boolean {
    return this.#routes.all.length > 0
  }

  /** Closes every backend. Commands are refused from now on, until {@link init}. */
  async close(): Promise<void> {
    await Promise.all([...this.#postponed].map((run) => run()))
    await Promise.all(this.#routes.all.map((route) => route.close()))
  }

  /** Closes the cache, at the end of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Puts a middleware before every backend. The first given is the outermost; those of a backend come after. */
  use(...middlewares: readonly Middleware[]): this {
    checkMiddlewares(middlewares)
    this.#middlewares.push(...middlewares)
    for (const middleware of middlewares) middleware.join?.(this)
    for (const route of this.#routes.all) route.share(this.#middlewares)
    return this
  }

  /**
   * Calls `listener` after each such command, or when a key is dropped by a store, a store goes or comes back, a lock is
   * taken, a call refused, a circuit breaker changes, a transaction ends.
   */
  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => unknown): Off {
    return this.#listeners.add(event, listener)
  }

  // Values

  /** Answers the value, `undefined` or `fallback` when there is none. */
  get<T = unknown>(key: string): Promise<T | undefined>
  /** Likewise, with a `fallback` for a key that is not there. */
  get<T = unknown, F = T>(key: string, fallback: F): Promise<T | F>
  get(key: string, fallback?: unknown): Promise<unknown> {
    try {
      const route = this.#routes.of(key)
      return route.askFor(key, fallback) ?? route.answerNow(key) ?? this.#get(route, key, fallback)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #get(route: Route, key: string, fallback: unknown): Promise<unknown> {
    const value = await route.dispatch<'get'>({ command: 'get', key })
    if (watchedScope()?.detectors) await this.#loads.detectedRead(route, key, value !== MISS)
    return value === MISS ? fallback : value
  }

  /** Answers the values in the order of the keys. */
  async getMany<T = unknown, F = undefined>(keys: readonly string[], fallback?: F): Promise<(T | F)[]> {
    checkArray(keys)
    const values = new Array<unknown>(keys.length)
    await this.#perRoute(keys, async (route, own, positions) => {
      const found = await route.dispatch<'getMany'>({ command: 'getMany', keys: own })
      for (const [nth, at] of positions.entries()) values[at] = found[nth] === MISS ? fallback : found[nth]
    })
    return values as (T | F)[]
  }

  /** Yields the pairs whose key matches a glob. */
  getMatch<T = unknown>(pattern: string, options?: ScanOptions): AsyncIterable<readonly [key: string, value: T]> {
    return this.#stream('getMatch', pattern, options) as AsyncIterable<readonly [string, T]>
  }

  /** Yields the keys that match a glob: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before what stands for itself. */
  scan(pattern: string, options?: ScanOptions): AsyncIterable<string> {
    return this.#stream('scan', pattern, options) as AsyncIterable<string>
  }

  /** Replaces value and time to live. Answers whether it was written. */
  async set(key: string, value: unknown, options: SetOptions = NONE): Promise<boolean> {
    const lifetime = lifetimeOf(options, SET)
    const { exists, tags } = options
    checkArgument(exists === undefined || typeof exists === 'boolean', 'exists must be true or false', exists)
    return this.call<'set'>({ command: 'set', key, value, lifetime, exists, tags: this.tagsFor(key, tags) })
  }

  /** Writes all the entries. Answers nothing: what a store refuses is reported. */
  async setMany(entries: Entries, options: WriteOptions = NONE): Promise<void> {
    const lifetime = lifetimeOf(options)
    const { tags } = options
    const pairs = pairsOf(entries)
    const keys = pairs.map(([key]) => key)
    if (tags !== undefined) this.requireTags()
    await this.#perRoute(keys, async (route, _, positions) => {
      const own = positions.map((at) => pairs[at] as readonly [string, unknown])
      for (const [shared, group] of this.#tagging?.group(own, tags) ?? [[undefined, own] as const])
        await route.dispatch<'setMany'>({ command: 'setMany', entries: group, lifetime, tags: shared })
    })
  }

  /**
   * Answers the value, or loads, stores and answers it. Concurrent callers share one load, and a load that is
   * overtaken by an invalidation is not stored.
   */
  getOrSet<T>(key: string, load: () => Awaitable<T>, options: WriteOptions = NONE): Promise<T> {
    try {
      checkCallable(load)
      const lifetime = lifetimeOf(options)
      const all = this.tagsFor(key, options.tags)
      const now = this.#routes.of(key).answerNow(key) as Promise<T> | undefined
      return now ?? this.#load(key, load, lifetime, all)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #load<T>(key: string, load: () => Awaitable<T>, longest: Milliseconds, all?: readonly string[]): Promise<T> {
    const store = async ({ lease }: Flight<T>): Promise<T> => {
      const value = await load()
      await this.store(key, value, longest, lease, all)
      return value
    }
    const call: LoadCall = { key, self: undefined, args: [], signal: undefined }
    return this.fly(call, { seen: getOrSetSeen, load: store, longest, tags: all && (() => all) })
  }

  /** Adds to a counter, and answers the sum. The time to live is given to a counter that is new. */
  async incr(key: string, by = 1, options: WriteOptions = NONE): Promise<number> {
    checkWhole(by)
    const lifetime = lifetimeOf(options)
    return this.call<'incr'>({ command: 'incr', key, by, lifetime, tags: this.tagsFor(key, options.tags) })
  }

  /** Answers whether the key was there. */
  async delete(key: string): Promise<boolean> {
    return this.call<'delete'>({ command: 'delete', key })
  }

  /** Answers how many keys were there. */
  async deleteMany(keys: readonly string[]): Promise<number> {
    checkArray(keys)
    const counts = await this.#perRoute(keys, async (route, own) =>
      route.dispatch<'deleteMany'>({ command: 'deleteMany', keys: own }),
    )
    return sum(counts)
  }

  /** Deletes the keys that match a glob. Answers how many. */
  async deleteMatch(pattern: string): Promise<number> {
    return sum(await sendToAll<'deleteMatch'>(this.#routes.matching(pattern), { command: 'deleteMatch', pattern }))
  }

  /** Answers whether the key is there, whatever it holds. */
  async exists(key: string): Promise<boolean> {
    return this.call<'exists'>({ command: 'exists', key })
  }

  /** Replaces the time to live. Answers whether the key was there. */
  async expire(key: string, ttl: Ttl): Promise<boolean> {
    return this.call<'expire'>({ command: 'expire', key, lifetime: parseTtl(ttl) })
  }

  /** Answers the seconds left, `Infinity` when the key does not expire, `undefined` when it is not there. */
  async getExpire(key: string): Promise<number | undefined> {
    const left = await this.call<'getExpire'>({ command: 'getExpire', key })
    return left === MISS ? undefined : (left as Milliseconds) / 1_000
  }

  /** Answers about how many bytes the key occupies; 0 when it is not there. */
  async getSize(key: string): Promise<number> {
    return this.call<'getSize'>({ command: 'getSize', key })
  }

  /** Answers what the store holds, undecoded. */
  async getRaw<T = unknown>(key: string): Promise<T | undefined> {
    const raw = await this.call<'getRaw'>({ command: 'getRaw', key })
    return raw === MISS ? undefined : (raw as T)
  }

  /** Writes what {@link getRaw} answers. */
  async setRaw(key: string, value: unknown, options: Pick<WriteOptions, 'ttl'> = NONE): Promise<boolean> {
    return this.call<'setRaw'>({ command: 'setRaw', key, value, lifetime: lifetimeOf(options, ['ttl']) })
  }

  // All backends

  /** Removes every key of every backend. */
  async clear(): Promise<void> {
    await this.callAll<'clear'>({ command: 'clear' })
  }

  /** Counts the keys of all backends. */
  async getKeysCount(): Promise<number> {
    return sum(await this.callAll<'getKeysCount'>({ command: 'getKeysCount' }))
  }

  /**
   * Answers `message` when every store is well.
   *
   * @throws {BackendUnavailableError} When one is not, with `suppress` too.
   */
  async ping(message = 'PONG'): Promise<string> {
    checkString('A message', message)
    await this.callAll<'ping'>({ command: 'ping', message })
    return message
  }

  // Locks

  /** Takes the lock for `token` if it is free. Answers whether the token holds it now. */
  async setLock(key: string, token: string, options: { readonly ttl: Ttl }): Promise<boolean> {
    checkString('A token', token)
    const lifetime = parseTtl(options && checkedOptions(options, ['ttl']).ttl)
    return this.call<'setLock'>({ command: 'setLock', key, token, lifetime })
  }

  /** Frees the lock if `token` holds it. Answers whether it did. */
  async unlock(key: string, token: string): Promise<boolean> {
    checkString('A token', token)
    return this.#unlock(key, token)
  }

  /** Answers whether the lock is held, after waiting for its release if asked to. */
  async isLocked(key: string, options: { readonly wait?: Ttl | undefined } = {}): Promise<boolean> {
    const { wait } = checkedOptions(options, ['wait'])
    const isLocked = async () => this.call<'isLocked'>({ command: 'isLocked', key })
    return wait === undefined ? isLocked() : awaitUnlocked(isLocked, parseTtl(wait), this.lockStore(key))
  }

  /**
   * Takes a lock, to be released by `await using` or `release()`. When the store cannot be reached, or locks are
   * disabled, the lock is granted: a cache never stops a service.
   *
   * @throws {LockedError} When somebody else still holds it after `wait`.
   */
  async acquireLock(key: string, options: LockOptions): Promise<Lock> {
    if (options !== undefined) checkedOptions(options, LOCK)
    const started = performance.now()
    const locking = acquireLock(key, options, this.lockStore(key))
    const tell = (taken: boolean) => this.tell('lock', { key, taken, waited: (performance.now() - started) / 1_000 })
    locking.then(
      () => tell(true),
      () => tell(false),
    )
    return locking
  }

  /**
   * Runs `fn` while holding a lock. A lock whose time ran out meanwhile is reported to `onError`.
   *
   * @throws {LockedError} When somebody else still holds it after `wait`.
   */
  async lock<T>(key: string, options: LockOptions, fn: (lock: Lock) => Awaitable<T>): Promise<T> {
    checkCallable(fn)
    const lock = await this.acquireLock(key, options)
    try {
      return await fn(lock)
    } finally {
      await lock.release().then((held) => held || this.report(lost(key)), this.report)
    }
  }

  // Bits, windows, sets

  /** Answers unsigned fields of `size` bits each, 1 to 32; 0 where nothing was written. */
  async getBits(
    key: string,
    indexes: readonly number[],
    options: { readonly size?: number | undefined } = {},
  ): Promise<number[]> {
    const { size = 1 } = checkedOptions(options, ['size'])
    checkFields(indexes, size)
    return fieldsAt(indexes, await this.call<'getBits'>({ command: 'getBits', key, indexes, size }))
  }

  /** Adds `by` to each field, within 0 and `2 ** size - 1`. Answers the new values. */
  async incrBits(
    key: string,
    indexes: readonly number[],
    options: { readonly size?: number | undefined; readonly by?: number | undefined } = {},
  ): Promise<number[]> {
    const { size = 1, by = 1 } = checkedOptions(options, ['size', 'by'])
    checkFields(indexes, size)
    checkWhole(by)
    return fieldsAt(indexes, await this.call<'incrBits'>({ command: 'incrBits', key, indexes, size, by }))
  }

  /** Counts an event at `end` in the window from `start`, unless `max` are in it. Answers how many are. */
  async sliceIncr(
    key: string,
    options: { readonly start: number; readonly end: number; readonly max: number; readonly ttl?: Ttl | undefined },
  ): Promise<number> {
    const lifetime = lifetimeOf(options, ['start', 'end', 'max', 'ttl'])
    const { start, end, max } = options
    const isWindow = Number.isFinite(start) && Number.isFinite(end) && start <= end
    checkArgument(isWindow, 'A window must start before it ends', [start, end])
    checkCounted('max', max)
    const { count } = await this.call<'sliceIncr'>({ command: 'sliceIncr', key, start, end, max, lifetime })
    return count
  }

  /** Answers how many members were new. A `ttl` replaces the one the set has. */
  async setAdd(
    key: string,
    members: readonly string[],
    options: { readonly ttl?: Ttl | undefined } = {},
  ): Promise<number> {
    const { ttl } = checkedOptions(options, ['ttl'])
    checkMembers(members)
    const lifetime = ttl === undefined ? ttl : parseTtl(ttl)
    return this.call<'setAdd'>({ command: 'setAdd', key, members, lifetime })
  }

  /** Answers how many members were there. */
  async setRemove(key: string, members: readonly string[]): Promise<number> {
    checkMembers(members)
    return this.call<'setRemove'>({ command: 'setRemove', key, members })
  }

  /** Removes and answers up to `count` members, 100 by default. */
  async setPop(key: string, options: { readonly count?: number | undefined } = {}): Promise<string[]> {
    const { count = 100 } = checkedOptions(options, ['count'])
    checkCounted('count', count)
    return this.call<'setPop'>({ command: 'setPop', key, count })
  }

  // Control

  /**
   * Switches commands off, all of them when none is named. Last, `{ prefix }` narrows it to one backend.
   *
   * @throws {NotConfiguredError} Before any backend is set up: `enabled: false` of {@link setup} begins switched off.
   */
  disable(...commands: readonly (Command | ControlOptions)[]): void {
    this.#control(commands, (route, command) => route.disabled.add(command))
  }

  /** Switches commands on again. */
  enable(...commands: readonly (Command | ControlOptions)[]): void {
    this.#control(commands, (route, command) => route.disabled.delete(command))
  }

  /** Whether all the commands named, or all there are, are switched on. */
  isEnabled(...commands: readonly (Command | ControlOptions)[]): boolean {
    let enabled = true
    this.#control(commands, (route, command) => {
      enabled &&= !route.isDisabled(command)
    })
    return enabled
  }

  /** Switches commands off for `fn` and what it awaits, and for nobody else: `COMMANDS` for all, `[]` for none. */
  async disabling<T>(commands: readonly Command[], fn: () => Awaitable<T>): Promise<T> {
    checkArray(commands)
    checkCallable(fn)
    const disabling = [...(currentScope()?.disabling ?? []), { owner: this, commands: commandSet(commands) }]
    return inWatchedScope({ disabling }, fn)
  }

  /**
   * Runs `fn` and tells which keys it asked for, and where the answers came from. `fn` is given a function that tells the
   * same so far.
   */
  async detect<T>(fn: (soFar: () => Detections) => Awaitable<T>): Promise<Detected<T>> {
    checkCallable(fn)
    const detector = new Detector(this)
    const detectors = [...(currentScope()?.detectors ?? []), detector]
    const result = await inWatchedScope({ detectors }, () => fn(() => detector.report()))
    return { result, ...detector.report() }
  }

  // For authors of strategies and extensions

  /** Sends one operation, as data, to the backend of its key. */
  call<C extends Exclude<Command, StreamCommand>>(request: Request<C> & { readonly key: string }): Answer<C> {
    return this.#routes.of(request.key).dispatch<C>(request)
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

  /** Answers the value if it is at hand in this process and nothing has to see the read; `MISS` otherwise. */
  getNow(key: string): unknown {
    return this.#routes.of(key).getNow(key)
  }

  /** The same in a promise; `undefined` otherwise. The spot is the store's note of where it found the key. */
  answerNow(spot: Spot): Promise<unknown> | undefined {
    return this.#routes.of(spot.key).answerNow(spot.key, spot)
  }

  /**
   * The moment that the store of a key is in: until it is over, the key does not change. `undefined` if the store cannot
   * tell, or if anything has to see the reads.
   */
  momentNow(key: string): Moment | undefined {
    return this.#routes.of(key).momentNow(key)
  }

  /** The bits of a key if they are at hand in this process and nothing has to see the read; `undefined` otherwise. */
  bitsNow(key: string): BitReader | undefined {
    return this.#routes.of(key).bitsNow(key)
  }

  /** Whether the store of a key may answer reads at once, bypassing the middlewares. */
  answersNow(key: string): boolean {
    return this.#routes.of(key).answersNow
  }

  /** Reads a key, and loads it on a miss: once for all concurrent callers. A load that was invalidated takes no more callers. */
  fly<T>(call: LoadCall, through: ReadThrough<T>): Promise<T> {
    return this.#loads.run(this.#routes.of(call.key), call, through)
  }

  /** Reports to `detect` what a strategy did that reads other than by {@link fly}. */
  detected(key: string, seen: () => Seen, outcome: Pick<Detection, 'hit' | 'stale' | 'reason' | 'shared'>): void {
    if (this.#tallies.isWatched && (outcome.hit || outcome.reason))
      this.#tallies.ofSeen(seen())[outcome.shared ? 'shared' : outcome.hit ? 'hits' : 'misses']++
    if (watchedScope()?.detectors)
      this.#loads.detected(key, { ...seen(), backend: this.#routes.of(key).backend.name, ...outcome })
  }

  /**
   * Reports a stored answer to the load around the call and to `detect`. Returns a promise inside `detect` only.
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

  /** Writes the result of a load, unless its lease was broken. */
  store(key: string, value: unknown, lifetime: Milliseconds, lease: Lease, tags?: readonly string[]): Answer<'set'> {
    return this.#routes.of(key).store(key, value, lifetime, lease, this.tagsFor(key, tags))
  }

  /**
   * Takes the store's lease for a load that replaces a value.
   *
   * @throws {NotStoredError} Where the terms of who asks allow stored answers only.
   */
  takeLease({ hasFound, key, lease }: Flight): Awaitable<unknown> {
    if (!hasFound) return undefined
    checkMayLoad(key)
    return this.#routes.of(key).takeLease(lease)
  }

  /** Whether no other process has overtaken a load that is not stored yet, as far as the store can tell. */
  holds(flight: Flight): Awaitable<boolean> {
    return this.#routes.of(flight.call.key).holds(flight.lease)
  }

  /** The result of a load under way, if this caller may simply share it. */
  join<T>(key: string): Promise<T> | undefined {
    return this.#loads.join(key)
  }

  /** Takes and frees one lock of a key. While the store is away, both succeed: a cache never stops a service. */
  lockStore(key: string): LockStore {
    const { backend } = this.#routes.of(key)
    const claim = new LockClaim()
    const hold = async (token: string, lifetime: Milliseconds, extend: boolean) =>
      this.call<'setLock'>({ command: 'setLock', key, token, lifetime, extend, claim })
    return {
      acquire: (token, lifetime) => hold(token, lifetime, false),
      extend: (token, lifetime) => hold(token, lifetime, true),
      release: (token) => claim.release(() => this.#unlock(key, token, claim)),
      released: (atMost, signal) => awaitRelease(backend, key, atMost, signal),
    }
  }

  /** The route of each prefix, and how many reads its store answered at once, bypassing the middlewares. */
  get routes(): readonly Pick<Route, 'prefix' | 'backend' | 'middlewares' | 'hitsAtHand'>[] {
    return this.#routes.all
  }

  /** The counts of each key template. */
  get tallies(): Iterable<Tally> {
    return this.#tallies.all
  }

  /** The counts of one key template. */
  tally(template: string): Tally {
    return this.#tallies.of(template)
  }

  /** Wraps each run of a wrapped function from now on, and makes {@link tallies} complete. */
  watchRuns(watcher: RunWatcher): Off {
    return disposable(this.#tallies.watch(watcher))
  }

  /** Whether {@link run} has anything to do. */
  get watchesRuns(): boolean {
    return this.#tallies.isWatched
  }

  /** Runs a wrapped function inside the watchers of {@link watchRuns}. */
  run(template: string, run: () => Promise<unknown>): Promise<unknown> {
    return this.#tallies.run(template, run)
  }

  /**
   * Runs `task` after `delay`, or before the backends are closed by {@link close}, if that comes first. Returns a function
   * that runs it at once instead.
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

  /** Whether an event has listeners. */
  hears(event: keyof ToldEvents): boolean {
    return this.#listeners.has(event)
  }

  /** Emits an event to its listeners, and to `also`. */
  tell<E extends keyof ToldEvents>(event: E, told: CacheEvents[E], also?: (told: CacheEvents[E]) => unknown): void {
    this.#listeners.emit(event, told, also)
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

  /** Makes sure that no two functions of this cache derive the same key template. */
  claimTemplate(template: string): void {
    checkThat(
      !this.#templates.has(template),
      `Two functions of this cache derive the template "${template}": their data would mix. Give one a "name" or a "key".`,
    )
    this.#templates.add(template)
  }

  /** The tags that `createTags` of `@cashews/tags` added; `undefined`: writes may not name tags. */
  get tagging(): Tagging | undefined {
    return this.#tagging
  }

  /** Lets the writes of this cache name tags. */
  useTags(tagging: Tagging): void {
    this.#tagging = tagging
    for (const route of this.#routes.all) route.useTags(tagging)
  }

  /** Sends one operation that concerns no single key to every backend. */
  async callAll<C extends Exclude<Command, StreamCommand>>(request: Request<C>): Promise<CommandResults[C][]> {
    return sendToAll<C>(this.#routes.some(), request)
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

  /**
   * Makes sure that writes of this cache may name tags.
   *
   * @throws {NotSupportedError} When they may not.
   */
  requireTags(): void {
    if (!this.#tagging) throw new NotSupportedError('Tags need createTags(cache) of @cashews/tags first.')
  }

  /** Passes an error that no caller gets to `onError`, except for those of a cache that was closed meanwhile. */
  readonly report = (error: unknown): void => {
    if (error instanceof CacheClosedError) return
    const hear = (): unknown => outsideTransaction(() => this.#onError(error))
    recover(hear, (failure) => console.warn('[cashews] onError failed:', failure, 'for', error))
  }

  #taggingFor(given: TagsAhead | undefined): Tagging | undefined {
    if (given !== undefined) this.requireTags()
    return this.#tagging
  }

  #stream(command: StreamCommand, pattern: string, options: ScanOptions = {}): AsyncIterable<unknown> {
    const { batchSize = 100 } = checkedOptions(options, ['batchSize'])
    checkArgument(Number.isInteger(batchSize) && batchSize > 0, 'A batch has at least 1 key', batchSize)
    const routes = this.#routes.matching(pattern)
    return (async function* () {
      for (const route of routes) yield* route.stream({ command, pattern, batchSize })
    })()
  }

  /** Runs one command for the keys of each route, side by side. */
  async #perRoute<R>(
    keys: readonly string[],
    run: (route: Route, keys: readonly string[], positions: readonly number[]) => Promise<R>,
  ): Promise<R[]> {
    const runs = this.#routes.group(keys).map(([route, positions]) => {
      const own = positions.map((at) => keys[at] as string)
      return run(route, own, positions)
    })
    return Promise.all(runs)
  }

  #control(commands: readonly (Command | ControlOptions)[], change: (route: Route, command: Command) => void): void {
    const last = commands.at(-1)
    const options = isOptions(last) ? last : undefined
    checkKnown('Switching commands on and off', options ?? {}, ['prefix'])
    const named = (options ? commands.slice(0, -1) : commands) as Command[]
    const changed = commandSet(named.length > 0 ? named : COMMANDS)
    for (const route of options ? [this.#routes.at(options.prefix)] : this.#routes.some()) {
      for (const command of changed) change(route, command)
      route.settle()
    }
  }

  async #unlock(key: string, token: string, claim?: LockClaim): Promise<boolean> {
    const unlocked = await this.call<'unlock'>({ command: 'unlock', key, token, claim })
    if (unlocked) wakeWaiters(this.#routes.of(key).backend, key)
    return unlocked
  }
}

/** Makes a cache. It needs a {@link Cache.setup} before its first command. */
export function createCache(options?: CacheOptions): Cache {
  return new Cache(options)
}

/** Runs `fn` so that every read inside, of any cache, drops what it finds: it is computed again. */
export async function invalidateFurther<T>(fn: () => Awaitable<T>): Promise<T> {
  checkCallable(fn)
  return inWatchedScope({ invalidating: true }, fn)
}

function getOrSetSeen(): Seen {
  return { strategy: 'getOrSet' }
}

const MOST_BITS_OF_FIELD = 32

function checkFields(indexes: readonly number[], size: number): void {
  checkArray(indexes)
  checkBitFields(indexes, size, MOST_BITS_OF_FIELD)
}

const NONE: WriteOptions = {}
const SET: readonly string[] = ['ttl', 'tags', 'exists']
const LOCK: readonly string[] = ['ttl', 'wait', 'checkInterval', 'signal']

/** Sends one operation to several backends, side by side. */
function sendToAll<C extends Exclude<Command, StreamCommand>>(
  routes: readonly Route[],
  request: Request<C>,
): Promise<CommandResults[C][]> {
  return Promise.all(routes.map(async (route) => route.dispatch<C>({ ...request })))
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** Fills up the answer of a store that is away, which is empty. */
function fieldsAt(indexes: readonly number[], answer: readonly number[]): number[] {
  return indexes.map((_, at) => answer[at] ?? 0)
}
