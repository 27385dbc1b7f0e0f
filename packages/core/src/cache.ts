import { type Backend, MISS, type Milliseconds } from './backend.ts'
import {
  checkArgument,
  checkArray,
  checkCallable,
  checkCounted,
  checkMembers,
  checkString,
  checkWhole,
} from './basics/arguments.ts'
import { type Awaitable, recover } from './basics/awaitable.ts'
import { checkKnown, checkType, isOptions } from './basics/options.ts'
import { checkBitFields } from './calls/bit-fields.ts'
import { COMMANDS } from './calls/commands.ts'
import {
  checkedOptions,
  type Entries,
  lifetimeOf,
  pairsOf,
  type SetOptions,
  type WriteOptions,
} from './calls/write-options.ts'
import type { Command, StreamCommand } from './command.ts'
import { checkDrivers, type Driver } from './driver.ts'
import { Engine } from './engine.ts'
import type { Flight, LoadCall } from './loads/flight.ts'
import type { Seen } from './loads/read-through.ts'
import { acquireLock, awaitUnlocked, type Lock, type LockOptions, lost } from './locks/lock.ts'
import { checkMiddlewares, type Middleware } from './middleware.ts'
import { Route } from './routing/route.ts'
import { Routes, sendToAll } from './routing/routes.ts'
import { resolveSetup, type SetupOptions, type UrlSetupOptions } from './routing/setup.ts'
import { commandSet } from './scope/control.ts'
import { currentScope, inWatchedScope, watchedScope } from './scope/scope.ts'
import { parseTtl, type Ttl } from './ttl.ts'
import { type Detected, type Detections, Detector } from './watching/detect.ts'
import { type CacheEvents, Listeners, type Off } from './watching/listeners.ts'
import { reporting } from './watching/reporting.ts'

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
  /** How many keys to fetch from the store at a time. @default 100 */
  readonly batchSize?: number | undefined
}

/** Restricts {@link Cache.disable}, {@link Cache.enable} and {@link Cache.isEnabled} to one backend. */
export interface ControlOptions {
  /** The prefix that the backend was set up with. */
  readonly prefix: string
}

const NO_OPTIONS: WriteOptions = {}
const SET: readonly string[] = ['ttl', 'tags', 'exists']
const LOCK: readonly string[] = ['ttl', 'wait', 'checkInterval', 'signal']
const MOST_BITS_OF_FIELD = 32

/**
 * Gives access to any number of backends, each set up for the keys with its prefix.
 *
 * Errors of a store do not reach the caller: a read is then a miss, and a write answers `false`. With `suppress: false` in
 * the setup of the backend, every command throws them instead: `BackendUnavailableError` if the store cannot be reached,
 * `BackendError` if it refuses. Before a backend is set up for its key, a command throws a `NotConfiguredError`; after
 * {@link Cache.close}, a `CacheClosedError`; and if its arguments cannot work, a `CommandError`, or a `TtlError` for a ttl.
 */
export class Cache implements AsyncDisposable {
  /** Names the cache in messages. @default 'cache' */
  readonly name: string
  /** What strategies and extensions are built on. An app does not need it. */
  readonly engine: Engine
  readonly #drivers: readonly Driver[]
  readonly #routes: Routes
  readonly #listeners: Listeners
  readonly #middlewares: Middleware[] = []

  /** @throws {ConfigurationError} On an option that is not one of {@link CacheOptions}. */
  constructor(options: CacheOptions = {}) {
    checkKnown('createCache', options, ['name', 'drivers', 'onError'])
    const { name = 'cache', drivers = [], onError } = options
    checkDrivers(drivers)
    checkType('string', { name })
    checkType('function', { onError })
    this.name = name
    this.#drivers = drivers
    this.#routes = new Routes(name)
    const report = reporting(onError ?? ((error) => console.warn(`[cashews] ${name}:`, error)))
    this.#listeners = new Listeners(report, () => {
      for (const route of this.#routes.all) route.settle()
    })
    this.engine = new Engine(this.#routes, this.#listeners, report)
  }

  // Wiring

  /**
   * Sets a backend up for the keys that start with `prefix`. If another one had the same prefix, it is closed, and commands
   * on their way to it are answered as if it were unreachable.
   *
   * @param target A settings URL, as text or a `URL`, or a backend.
   * @throws {ConfigurationError} On an unknown scheme or option.
   */
  setup(url: string | URL, options?: UrlSetupOptions): this
  /** Likewise, by a settings URL or a backend. */
  setup(target: string | URL | Backend, options?: SetupOptions): this
  setup(target: string | URL | Backend, options: UrlSetupOptions = {}): this {
    const { report, tagging } = this.engine
    const route = new Route(resolveSetup(target, options, this.#drivers), {
      cache: this,
      listeners: this.#listeners,
      report,
    })
    const before = this.#routes.add(route)
    for (const middleware of options.middlewares ?? []) middleware.join?.(this)
    // Some keys belong to the new route from now on: loads and moments of the old one must end.
    for (const each of [before, route]) each?.share(this.#middlewares)
    if (tagging) route.useTags(tagging)
    if (before?.prefix === route.prefix) route.replace(before).catch(report)
    return this
  }

  /** Connects every backend; otherwise the first command does. Opens the cache again after {@link close}. */
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

  /**
   * Closes every backend, unless another cache has it open still. Until {@link init}, commands are a `CacheClosedError`.
   */
  async close(): Promise<void> {
    await this.engine.runPostponed()
    try {
      await Promise.all(this.#routes.all.map((route) => route.close()))
    } finally {
      await this.engine.tagging?.records?.close?.()
    }
  }

  /** Closes the cache at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Puts middlewares in front of every backend, the outermost first. Those of a single backend come after them. */
  use(...middlewares: readonly Middleware[]): this {
    checkMiddlewares(middlewares)
    this.#middlewares.push(...middlewares)
    for (const middleware of middlewares) middleware.join?.(this)
    for (const route of this.#routes.all) route.share(this.#middlewares)
    return this
  }

  /**
   * Calls `listener` after each command of this name, or at each of the other {@link CacheEvents}, such as `unavailable`.
   *
   * @returns A function that stops it, which also works with `using`.
   * @throws {ConfigurationError} When there is no such event.
   */
  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => unknown): Off {
    return this.#listeners.add(event, listener)
  }

  // Values

  /** Answers the value; `undefined` when the key is absent. */
  get<T = unknown>(key: string): Promise<T | undefined>
  /** Answers the value; `fallback` when the key is absent. */
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
    if (watchedScope()?.detectors) await this.engine.detectedRead(key, value !== MISS)
    return value === MISS ? fallback : value
  }

  /** Answers the values in the order of the keys; `undefined` for those that are absent. */
  getMany<T = unknown>(keys: readonly string[]): Promise<(T | undefined)[]>
  /** Answers the values in the order of the keys; `fallback` for those that are absent. */
  getMany<T = unknown, F = T>(keys: readonly string[], fallback: F): Promise<(T | F)[]>
  async getMany(keys: readonly string[], fallback?: unknown): Promise<unknown[]> {
    checkArray(keys)
    const values = new Array<unknown>(keys.length)
    await this.#perRoute(keys, async (route, own, positions) => {
      const found = await route.dispatch<'getMany'>({ command: 'getMany', keys: own })
      for (const [nth, at] of positions.entries()) values[at] = found[nth] === MISS ? fallback : found[nth]
    })
    return values
  }

  /** Yields the pairs whose key matches a glob. */
  getMatch<T = unknown>(pattern: string, options?: ScanOptions): AsyncIterable<readonly [key: string, value: T]> {
    return this.#stream('getMatch', pattern, options) as AsyncIterable<readonly [string, T]>
  }

  /** Yields the keys that match a glob: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before what stands for itself. */
  scan(pattern: string, options?: ScanOptions): AsyncIterable<string> {
    return this.#stream('scan', pattern, options) as AsyncIterable<string>
  }

  /**
   * Replaces the value and its time to live. Answers whether it was written.
   *
   * @throws {ValueError} When the value cannot be stored.
   */
  async set(key: string, value: unknown, options: SetOptions = NO_OPTIONS): Promise<boolean> {
    const lifetime = lifetimeOf(options, SET)
    const { exists, tags } = options
    checkArgument(exists === undefined || typeof exists === 'boolean', 'exists must be true or false', exists)
    return this.engine.call<'set'>({
      command: 'set',
      key,
      value,
      lifetime,
      exists,
      tags: this.engine.tagsFor(key, tags),
    })
  }

  /** Writes all the entries. Answers nothing: if a store fails, that is reported to `onError`. */
  async setMany(entries: Entries, options: WriteOptions = NO_OPTIONS): Promise<void> {
    const lifetime = lifetimeOf(options)
    const { tags } = options
    const pairs = pairsOf(entries)
    const keys = pairs.map(([key]) => key)
    if (tags !== undefined) this.engine.requireTags()
    await this.#perRoute(keys, async (route, _, positions) => {
      const own = positions.map((at) => pairs[at] as readonly [string, unknown])
      for (const [shared, group] of this.engine.tagging?.group(own, tags) ?? [[undefined, own] as const])
        await route.dispatch<'setMany'>({ command: 'setMany', entries: group, lifetime, tags: shared })
    })
  }

  /**
   * Answers the stored value; if there is none, calls `load`, and stores and answers its result. Concurrent callers share
   * one load. If the key is invalidated during the load, the result is not stored. If it cannot be stored, that is reported
   * to `onError`, and the callers get it all the same.
   */
  getOrSet<T>(key: string, load: () => Awaitable<T>, options: WriteOptions = NO_OPTIONS): Promise<T> {
    try {
      checkCallable(load, 'load')
      const lifetime = lifetimeOf(options)
      const all = this.engine.tagsFor(key, options.tags)
      const now = this.#routes.of(key).answerNow(key) as Promise<T> | undefined
      return now ?? this.#load(key, load, lifetime, all)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #load<T>(key: string, load: () => Awaitable<T>, longest: Milliseconds, all?: readonly string[]): Promise<T> {
    const store = async (flight: Flight<T>): Promise<T> => {
      const value = await flight.begin(() => load())
      await recover<unknown>(() => this.engine.store(key, value, longest, flight.lease, all), this.engine.report)
      return value
    }
    const call: LoadCall = { key, self: undefined, args: [], signal: undefined }
    return this.engine.fly(call, { seen: seenByGetOrSet, load: store, longest, tags: all && (() => all) })
  }

  /**
   * Adds a whole number to a counter, and answers the sum. A new counter starts at 0 and is given the time to live; an
   * existing one keeps its own.
   *
   * @throws {WrongTypeError} When the key holds something other than a whole number.
   */
  async incr(key: string, by = 1, options: WriteOptions = NO_OPTIONS): Promise<number> {
    checkWhole(by)
    const lifetime = lifetimeOf(options)
    return this.engine.call<'incr'>({
      command: 'incr',
      key,
      by,
      lifetime,
      tags: this.engine.tagsFor(key, options.tags),
    })
  }

  /** Deletes a key. Answers whether it existed. */
  async delete(key: string): Promise<boolean> {
    return this.engine.call<'delete'>({ command: 'delete', key })
  }

  /** Deletes keys. Answers how many of them existed. */
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

  /** Answers whether the key exists, whatever it holds. */
  async exists(key: string): Promise<boolean> {
    return this.engine.call<'exists'>({ command: 'exists', key })
  }

  /** Replaces the time to live. Answers whether the key exists. */
  async expire(key: string, ttl: Ttl): Promise<boolean> {
    return this.engine.call<'expire'>({ command: 'expire', key, lifetime: parseTtl(ttl) })
  }

  /** Answers the seconds left, `Infinity` when the key does not expire, and `undefined` when it is absent. */
  async getExpire(key: string): Promise<number | undefined> {
    const left = await this.engine.call<'getExpire'>({ command: 'getExpire', key })
    return left === MISS ? undefined : (left as Milliseconds) / 1_000
  }

  /** Answers about how many bytes the key occupies; 0 when it is absent. */
  async getSize(key: string): Promise<number> {
    return this.engine.call<'getSize'>({ command: 'getSize', key })
  }

  /** Answers what the store holds, not decoded; `undefined` when the key is absent. */
  async getRaw<T = unknown>(key: string): Promise<T | undefined> {
    const raw = await this.engine.call<'getRaw'>({ command: 'getRaw', key })
    return raw === MISS ? undefined : (raw as T)
  }

  /** Writes what {@link getRaw} has answered. Answers whether it was written. */
  async setRaw(key: string, value: unknown, options: Pick<WriteOptions, 'ttl'> = NO_OPTIONS): Promise<boolean> {
    return this.engine.call<'setRaw'>({ command: 'setRaw', key, value, lifetime: lifetimeOf(options, ['ttl']) })
  }

  // All backends

  /** Removes every key of every backend. */
  async clear(): Promise<void> {
    await this.engine.callAll<'clear'>({ command: 'clear' })
  }

  /** Counts the keys of all backends. */
  async getKeysCount(): Promise<number> {
    return sum(await this.engine.callAll<'getKeysCount'>({ command: 'getKeysCount' }))
  }

  /**
   * Answers `message` once every store has replied.
   *
   * @throws {BackendUnavailableError} When a store cannot be reached, even if its errors are suppressed.
   */
  async ping(message = 'PONG'): Promise<string> {
    checkString('A message', message)
    await this.engine.callAll<'ping'>({ command: 'ping', message })
    return message
  }

  // Locks

  /** Takes the lock for `token` if it is free. Answers whether the token holds it now. */
  async setLock(key: string, token: string, options: { readonly ttl: Ttl }): Promise<boolean> {
    checkString('A token', token)
    const lifetime = parseTtl(options && checkedOptions(options, ['ttl']).ttl)
    return this.engine.call<'setLock'>({ command: 'setLock', key, token, lifetime })
  }

  /** Frees the lock if `token` holds it, and answers whether it did. */
  async unlock(key: string, token: string): Promise<boolean> {
    checkString('A token', token)
    return this.engine.unlock(key, token)
  }

  /** Answers whether the lock is held. With `wait`, first waits up to that long for its release. */
  async isLocked(key: string, options: { readonly wait?: Ttl | false | undefined } = {}): Promise<boolean> {
    const { wait = 0 } = checkedOptions(options, ['wait'])
    const isLocked = async () => this.engine.call<'isLocked'>({ command: 'isLocked', key })
    return awaitUnlocked(isLocked, wait, this.engine.lockStore(key))
  }

  /**
   * Takes a lock, to be released by `await using` or `release()`. When the store cannot be reached, or locks are
   * disabled, the lock is granted: a cache must never stop a service.
   *
   * @throws {LockedError} When somebody else still holds it after `wait`.
   */
  async acquireLock(key: string, options: LockOptions): Promise<Lock> {
    if (options !== undefined) checkedOptions(options, LOCK)
    const started = performance.now()
    const locking = acquireLock(key, options, this.engine.lockStore(key))
    const tell = (taken: boolean) =>
      this.engine.tell('lock', { key, taken, waited: (performance.now() - started) / 1_000 })
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
      await lock.release().then((held) => held || this.engine.report(lost(key)), this.engine.report)
    }
  }

  // Bits, windows, sets

  /** Answers unsigned fields of `size` bits each, from 1 (the default) to 32; 0 where nothing was written. */
  async getBits(
    key: string,
    indexes: readonly number[],
    options: { readonly size?: number | undefined } = {},
  ): Promise<number[]> {
    const { size = 1 } = checkedOptions(options, ['size'])
    checkFields(indexes, size)
    return fieldsAt(indexes, await this.engine.call<'getBits'>({ command: 'getBits', key, indexes, size }))
  }

  /** Adds `by`, 1 by default, to each field, which stays between 0 and `2 ** size - 1`. Answers the new values. */
  async incrBits(
    key: string,
    indexes: readonly number[],
    options: { readonly size?: number | undefined; readonly by?: number | undefined } = {},
  ): Promise<number[]> {
    const { size = 1, by = 1 } = checkedOptions(options, ['size', 'by'])
    checkFields(indexes, size)
    checkWhole(by)
    return fieldsAt(indexes, await this.engine.call<'incrBits'>({ command: 'incrBits', key, indexes, size, by }))
  }

  /**
   * Adds an event at `end` to a sliding window, unless `max` events since `start` are in it. Answers how many are in it
   * then. `start` and `end` are instants in any unit that the callers agree on.
   */
  async sliceIncr(
    key: string,
    options: { readonly start: number; readonly end: number; readonly max: number; readonly ttl?: Ttl | undefined },
  ): Promise<number> {
    const lifetime = lifetimeOf(options, ['start', 'end', 'max', 'ttl'])
    const { start, end, max } = options
    const isWindow = Number.isFinite(start) && Number.isFinite(end) && start <= end
    checkArgument(isWindow, 'A window must start before it ends', [start, end])
    checkCounted('max', max)
    const { count } = await this.engine.call<'sliceIncr'>({ command: 'sliceIncr', key, start, end, max, lifetime })
    return count
  }

  /** Adds members to a set. Answers how many were new. A `ttl` replaces the one the set has. */
  async setAdd(
    key: string,
    members: readonly string[],
    options: { readonly ttl?: Ttl | undefined } = {},
  ): Promise<number> {
    const { ttl } = checkedOptions(options, ['ttl'])
    checkMembers(members)
    const lifetime = ttl === undefined ? ttl : parseTtl(ttl)
    return this.engine.call<'setAdd'>({ command: 'setAdd', key, members, lifetime })
  }

  /** Removes members from a set. Answers how many were in it. */
  async setRemove(key: string, members: readonly string[]): Promise<number> {
    checkMembers(members)
    return this.engine.call<'setRemove'>({ command: 'setRemove', key, members })
  }

  /** Removes up to `count` members from a set, 100 by default, and answers them. */
  async setPop(key: string, options: { readonly count?: number | undefined } = {}): Promise<string[]> {
    const { count = 100 } = checkedOptions(options, ['count'])
    checkCounted('count', count)
    return this.engine.call<'setPop'>({ command: 'setPop', key, count })
  }

  // Control

  /**
   * Switches commands off: those named, or all. `{ prefix }` as the last argument restricts this to one backend.
   *
   * @throws {NotConfiguredError} Before any backend is set up: to start switched off, use `enabled: false` of {@link setup}.
   */
  disable(...commands: readonly (Command | ControlOptions)[]): void {
    this.#control(commands, (route, command) => route.disabled.add(command))
  }

  /** Switches commands on again: those named, or all. */
  enable(...commands: readonly (Command | ControlOptions)[]): void {
    this.#control(commands, (route, command) => route.disabled.delete(command))
  }

  /** Whether all the commands named are switched on; without names, whether all commands are. */
  isEnabled(...commands: readonly (Command | ControlOptions)[]): boolean {
    let enabled = true
    this.#control(commands, (route, command) => {
      enabled &&= !route.isDisabled(command)
    })
    return enabled
  }

  /** Switches commands off for `fn` and everything it calls, and for nobody else. `COMMANDS` switches off all of them. */
  async disabling<T>(commands: readonly Command[], fn: () => Awaitable<T>): Promise<T> {
    checkArray(commands, 'commands')
    checkCallable(fn)
    const disabling = [...(currentScope()?.disabling ?? []), { owner: this, commands: commandSet(commands) }]
    return inWatchedScope({ disabling }, fn)
  }

  /**
   * Runs `fn`, and answers which keys it asked for by `get`, `getOrSet` and strategies, and where the answers came from,
   * together with its result.
   *
   * @param fn Gets a function that returns what was detected so far.
   */
  async detect<T>(fn: (soFar: () => Detections) => Awaitable<T>): Promise<Detected<T>> {
    checkCallable(fn)
    const detector = new Detector(this.engine)
    const detectors = [...(currentScope()?.detectors ?? []), detector]
    const result = await inWatchedScope({ detectors }, () => fn(() => detector.report()))
    return { result, ...detector.report() }
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
}

/** Makes a cache. It needs a {@link Cache.setup} before its first command. */
export function createCache(options?: CacheOptions): Cache {
  return new Cache(options)
}

/** Runs `fn` so that every read inside, of any cache, deletes what it finds, and functions compute their results anew. */
export async function invalidateFurther<T>(fn: () => Awaitable<T>): Promise<T> {
  checkCallable(fn)
  return inWatchedScope({ invalidating: true }, fn)
}

function seenByGetOrSet(): Seen {
  return { strategy: 'getOrSet' }
}

function checkFields(indexes: readonly number[], size: number): void {
  checkArray(indexes, 'indexes')
  checkBitFields(indexes, size, MOST_BITS_OF_FIELD)
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** Fills up the answer of a store that is away, which is empty. */
function fieldsAt(indexes: readonly number[], answer: readonly number[]): number[] {
  return indexes.map((_, at) => answer[at] ?? 0)
}
