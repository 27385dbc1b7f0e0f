import { reference } from '@cashews/conformance'
import {
  type Awaitable,
  type Backend,
  type BackendBase,
  type Cache,
  type Call,
  type Command,
  completeBackend,
  guard,
  MISS,
  type Middleware,
  type Milliseconds,
} from '@cashews/core'
import { vi } from 'vitest'

/** A promise to settle by hand. */
export interface Gate<T = void> {
  readonly promise: Promise<T>
  open(value: T): void
  fail(error: unknown): void
}

export function gate<T = void>(): Gate<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  return { promise, open: resolve, fail: reject }
}

let elsewhere = async (): Promise<void> => {}

/** Makes {@link settle} also wait for work outside this process. */
export function waitAlsoFor(work: () => Promise<void>): void {
  elsewhere = work
}

/** Runs everything that does not wait for a timer or a gate. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
  await elsewhere()
}

/** Collects what an asynchronous iterable yields. */
export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

/** A middleware that records every call. */
export function recorder(): Middleware & { readonly calls: Call[]; readonly commands: Command[] } {
  const calls: Call[] = []
  const middleware: Middleware = (call, next) => {
    calls.push(call)
    return next(call)
  }
  const commands = { get: () => calls.map(({ command }) => command) }
  return Object.defineProperty(Object.assign(middleware, { calls, commands: [] }), 'commands', commands)
}

/** The required arguments of a command of the cache. */
function anArgumentFor(command: Command): readonly unknown[] {
  const rest: Partial<Record<Command, readonly unknown[]>> = {
    getMany: [['key']],
    getMatch: ['key*'],
    scan: ['key*'],
    set: ['key', 'value'],
    setMany: [{ key: 'value' }],
    setRaw: ['key', 'value'],
    deleteMany: [['key']],
    deleteMatch: ['key*'],
    expire: ['key', 60],
    clear: [],
    ping: [],
    getKeysCount: [],
    setLock: ['key', 'token', { ttl: 60 }],
    unlock: ['key', 'token'],
    getBits: ['bits', [1]],
    incrBits: ['bits', [1]],
    sliceIncr: ['window', { start: 0, end: 1, max: 10 }],
    incr: ['counter'],
    setAdd: ['set', ['a']],
    setRemove: ['set', ['a']],
    setPop: ['set'],
  }
  return rest[command] ?? ['key']
}

/** Runs a command of the cache by name, and reads its result to the end. */
export async function run(cache: Cache, command: Command): Promise<unknown> {
  if (command === 'getTags') return cache.engine.call({ command, key: 'key' })
  if (command === 'deleteTags' || command === 'expireTags') return cache.engine.callAll({ command, tags: ['tag'] })
  const answer = (cache as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[command]?.(
    ...anArgumentFor(command),
  )
  return command === 'scan' || command === 'getMatch' ? all(answer as AsyncIterable<unknown>) : answer
}

/** A store in this process with synchronous members: the required ones, on a Map. */
export function syncStore(over: Partial<Backend> = {}): Backend {
  const entries = new Map<string, { value: unknown; expiresAt: number; stamp: number }>()
  let writes = 0
  const find = (key: string) => {
    const entry = entries.get(key)
    return entry && entry.expiresAt > Date.now() ? entry : undefined
  }
  const write = (key: string, value: unknown, expiresAt: number) => {
    entries.set(key, { value: structuredClone(value), expiresAt, stamp: ++writes })
  }
  const base: BackendBase = {
    name: 'sync',
    open: () => {},
    close: () => {},
    get: (key) => find(key)?.value ?? MISS,
    set(key, value, lifetime, exists) {
      if (exists !== undefined && exists !== (find(key) !== undefined)) return false
      write(key, value, Date.now() + lifetime)
      return true
    },
    delete: (key) => find(key) !== undefined && entries.delete(key),
    incr(key, by, lifetime) {
      const { value, expiresAt } = find(key) ?? { value: 0, expiresAt: Date.now() + lifetime }
      write(key, Number(value) + by, expiresAt)
      return Number(value) + by
    },
    scan: () => [...entries.keys()],
    clear: () => entries.clear(),
    inspect(key) {
      const entry = find(key)
      return entry ? { value: entry.value, stamp: entry.stamp, timeLeft: entry.expiresAt - Date.now() } : MISS
    },
    apply(expectations, changes) {
      if (!expectations.every(({ key, stamp }) => find(key)?.stamp === stamp)) return false
      for (const change of changes) {
        if (change.op === 'delete') entries.delete(change.key)
        else if (change.op === 'set') write(change.key, change.value, Date.now() + 60_000)
      }
      return true
    },
  }
  return completeBackend({ ...base, ...over })
}

/** A backend with some of its members replaced. */
export function altered(backend: Backend, over: Partial<Backend>): Backend {
  return new Proxy(backend, {
    get(target, name) {
      if (Object.hasOwn(over, name)) return Reflect.get(over, name)
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

/** The timeout of commands in tests that are not about timeouts: the machine may be busy, or a fake clock far ahead. */
const PATIENCE: Milliseconds = 24 * 60 * 60_000

/** A store whose commands never time out. */
export function patient(backend: Backend): Backend {
  return altered(backend, {
    guard: (store, options) => guard(store, { ...options, readTimeout: PATIENCE, writeTimeout: PATIENCE }),
  })
}

/** A store with latency. Carries out reads and writes at once, in the order they were sent, and answers later. */
export function distantStore(latency = 10): Backend {
  const store = reference()
  const later =
    <A extends unknown[], R>(member: (...args: A) => Awaitable<R>) =>
    async (...args: A): Promise<R> => {
      const answer = await member(...args)
      await new Promise((resolve) => setTimeout(resolve, latency))
      return answer
    }
  return {
    ...store,
    name: 'distant',
    get: later(store.get),
    getMany: later(store.getMany),
    set: later(store.set),
    setMany: later(store.setMany),
    delete: later(store.delete),
    deleteMany: later(store.deleteMany),
    deleteMatch: later(store.deleteMatch),
    clear: later(store.clear),
    incr: later(store.incr),
    expire: later(store.expire),
    setRaw: later(store.setRaw),
  }
}

/** The faults of a {@link sickStore}. */
export interface Health {
  /** What every member does instead of its work; `undefined` while the store works. */
  illness: (() => Promise<never>) | undefined
  /** The members that were called. */
  readonly asked: string[]
}

/** The reference store, whose members a test can make fail or hang. */
export function sickStore(): Backend & { readonly health: Health } {
  const health: Health = { illness: undefined, asked: [] }
  const store = reference()
  const ail =
    (name: string, member: (...args: never[]) => unknown) =>
    (...args: never[]) => {
      health.asked.push(name)
      return health.illness ? health.illness() : member(...args)
    }
  const ailing = (members: object): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(members).map(([name, member]) => {
        if (typeof member === 'function') return [name, name === 'close' ? member : ail(name, member)]
        return [name, typeof member === 'object' ? ailing(member) : member]
      }),
    )
  const backend = {
    ...ailing(store),
    scan: async function* (pattern: string, batchSize: number) {
      health.asked.push('scan')
      if (health.illness) await health.illness()
      yield* store.scan(pattern, batchSize)
    },
    name: 'sick',
    guard,
    health,
  }
  return backend as unknown as Backend & { readonly health: Health }
}

/** Never answers. */
export const hangs = (): Promise<never> => new Promise(() => {})

/** Starts fake timers at a fixed date. */
export function fakeTime(): void {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) })
}
