import {
  checkArgument,
  checkArray,
  checkCallable,
  checkCounted,
  checkMembers,
  checkString,
  checkWhole,
} from './arguments.ts'
import type { Awaitable } from './awaitable.ts'
import { type Backend, MISS, type Milliseconds } from './backend.ts'
import { checkBitFields } from './bit-fields.ts'
import type { Command, StreamCommand } from './command.ts'
import { COMMANDS } from './commands.ts'
import { commandSet } from './control.ts'
import { type Detected, type Detections, Detector } from './detect.ts'
import { checkDrivers, type Driver } from './driver.ts'
import { Engine } from './engine.ts'
import type { Flight, LoadCall } from './flight.ts'
import { type CacheEvents, Listeners, type Off } from './listeners.ts'
import { acquireLock, awaitUnlocked, type Lock, type LockOptions, lost } from './lock.ts'
import { checkMiddlewares, type Middleware } from './middleware.ts'
import { checkKnown, checkType, isOptions } from './options.ts'
import type { Seen } from './read-through.ts'
import { reporting } from './reporting.ts'
import { Route } from './route.ts'
import { Routes, sendToAll } from './routes.ts'
import { currentScope, inWatchedScope, watchedScope } from './scope.ts'
import { resolveSetup, type SetupOptions, type UrlSetupOptions } from './setup.ts'
import { parseTtl, type Ttl } from './ttl.ts'
import {
  checkedOptions,
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
    const { report, tagging } = this.engine
    const route = new Route(resolveSetup(target, options, this.#drivers), {
      cache: this,
      listeners: this.#listeners,
      report,
    })
    const before = this.#routes.add(route)
    for (const middleware of options.middlewares ?? []) middleware.join?.(this)
    // Some keys take the new route from now on: loads and moments of the old one must not outlive that.
    for (const each of [before, route]) each?.share(this.#middlewares)
    if (tagging) route.useTags(tagging)
    if (before?.prefix === route.prefix) route.replace(before).catch(report)
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
    await this.engine.runPostponed()
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
    if (watchedScope()?.detectors) await this.engine.detectedRead(key, value !== MISS)
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
    return this.engine.call<'set'>({
      command: 'set',
      key,
      value,
      lifetime,
      exists,
      tags: this.engine.tagsFor(key, tags),
    })
  }

  /** Writes all the entries. Answers nothing: what a store refuses is reported. */
  async setMany(entries: Entries, options: WriteOptions = NONE): Promise<void> {
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
   * Answers the value, or loads, stores and answers it. Concurrent callers share one load, and a load that is
   * overtaken by an invalidation is not stored.
   */
  getOrSet<T>(key: string, load: () => Awaitable<T>, options: WriteOptions = NONE): Promise<T> {
    try {
      checkCallable(load)
      const lifetime = lifetimeOf(options)
      const all = this.engine.tagsFor(key, options.tags)
      const now = this.#routes.of(key).answerNow(key) as Promise<T> | undefined
      return now ?? this.#load(key, load, lifetime, all)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #load<T>(key: string, load: () => Awaitable<T>, longest: Milliseconds, all?: readonly string[]): Promise<T> {
    const store = async ({ lease }: Flight<T>): Promise<T> => {
      const value = await load()
      await this.engine.store(key, value, longest, lease, all)
      return value
    }
    const call: LoadCall = { key, self: undefined, args: [], signal: undefined }
    return this.engine.fly(call, { seen: getOrSetSeen, load: store, longest, tags: all && (() => all) })
  }

  /** Adds to a counter, and answers the sum. The time to live is given to a counter that is new. */
  async incr(key: string, by = 1, options: WriteOptions = NONE): Promise<number> {
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

  /** Answers whether the key was there. */
  async delete(key: string): Promise<boolean> {
    return this.engine.call<'delete'>({ command: 'delete', key })
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
    return this.engine.call<'exists'>({ command: 'exists', key })
  }

  /** Replaces the time to live. Answers whether the key was there. */
  async expire(key: string, ttl: Ttl): Promise<boolean> {
    return this.engine.call<'expire'>({ command: 'expire', key, lifetime: parseTtl(ttl) })
  }

  /** Answers the seconds left, `Infinity` when the key does not expire, `undefined` when it is not there. */
  async getExpire(key: string): Promise<number | undefined> {
    const left = await this.engine.call<'getExpire'>({ command: 'getExpire', key })
    return left === MISS ? undefined : (left as Milliseconds) / 1_000
  }

  /** Answers about how many bytes the key occupies; 0 when it is not there. */
  async getSize(key: string): Promise<number> {
    return this.engine.call<'getSize'>({ command: 'getSize', key })
  }

  /** Answers what the store holds, undecoded. */
  async getRaw<T = unknown>(key: string): Promise<T | undefined> {
    const raw = await this.engine.call<'getRaw'>({ command: 'getRaw', key })
    return raw === MISS ? undefined : (raw as T)
  }

  /** Writes what {@link getRaw} answers. */
  async setRaw(key: string, value: unknown, options: Pick<WriteOptions, 'ttl'> = NONE): Promise<boolean> {
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
   * Answers `message` when every store is well.
   *
   * @throws {BackendUnavailableError} When one is not, with `suppress` too.
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

  /** Frees the lock if `token` holds it. Answers whether it did. */
  async unlock(key: string, token: string): Promise<boolean> {
    checkString('A token', token)
    return this.engine.unlock(key, token)
  }

  /** Answers whether the lock is held, after waiting for its release if asked to. */
  async isLocked(key: string, options: { readonly wait?: Ttl | undefined } = {}): Promise<boolean> {
    const { wait } = checkedOptions(options, ['wait'])
    const isLocked = async () => this.engine.call<'isLocked'>({ command: 'isLocked', key })
    return wait === undefined ? isLocked() : awaitUnlocked(isLocked, parseTtl(wait), this.engine.lockStore(key))
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

  /** Answers unsigned fields of `size` bits each, 1 to 32; 0 where nothing was written. */
  async getBits(
    key: string,
    indexes: readonly number[],
    options: { readonly size?: number | undefined } = {},
  ): Promise<number[]> {
    const { size = 1 } = checkedOptions(options, ['size'])
    checkFields(indexes, size)
    return fieldsAt(indexes, await this.engine.call<'getBits'>({ command: 'getBits', key, indexes, size }))
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
    return fieldsAt(indexes, await this.engine.call<'incrBits'>({ command: 'incrBits', key, indexes, size, by }))
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
    const { count } = await this.engine.call<'sliceIncr'>({ command: 'sliceIncr', key, start, end, max, lifetime })
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
    return this.engine.call<'setAdd'>({ command: 'setAdd', key, members, lifetime })
  }

  /** Answers how many members were there. */
  async setRemove(key: string, members: readonly string[]): Promise<number> {
    checkMembers(members)
    return this.engine.call<'setRemove'>({ command: 'setRemove', key, members })
  }

  /** Removes and answers up to `count` members, 100 by default. */
  async setPop(key: string, options: { readonly count?: number | undefined } = {}): Promise<string[]> {
    const { count = 100 } = checkedOptions(options, ['count'])
    checkCounted('count', count)
    return this.engine.call<'setPop'>({ command: 'setPop', key, count })
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

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** Fills up the answer of a store that is away, which is empty. */
function fieldsAt(indexes: readonly number[], answer: readonly number[]): number[] {
  return indexes.map((_, at) => answer[at] ?? 0)
}
